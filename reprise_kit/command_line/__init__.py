"""The sub-commands, declared: arguments, options and help; what they do is in commands/, imported when it is needed."""
