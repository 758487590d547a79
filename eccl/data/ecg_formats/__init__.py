"""One module a file format: each turns a file into `eccl.data.leads.Channels`, as the file states them."""
