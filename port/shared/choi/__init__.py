"""What Choi's systems share: front end, blocks, tags, the tagger's data path."""
