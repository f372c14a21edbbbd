"""The real processes, asked as their users ask them: over HTTP, by the command line, by signals."""
