"""What a human measures on a record, nothing learnt: beats, intervals and voltages of an ECG, volumes of masks."""
