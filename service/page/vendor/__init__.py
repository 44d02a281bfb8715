"""Published files of others, unmodified; `manifest.json` says which."""
