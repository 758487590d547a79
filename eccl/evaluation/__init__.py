"""What an encoder is worth: protocols, and tables of Estimates."""
