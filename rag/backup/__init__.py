"""A home folder as one file, and back: `save` makes it while a service runs, `restore` puts it in place in one step."""
