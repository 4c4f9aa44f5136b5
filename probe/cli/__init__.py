"""What people type and read. Knows no socket."""
