"""One module a file format: each turns a file into `eccl.records.ecg.Channels`, as the file states them."""
