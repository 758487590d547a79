"""What every notebook needs: the data of a config, and comparisons on them."""
