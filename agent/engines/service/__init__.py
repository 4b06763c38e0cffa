"""The models behind a socket: loaded once, asked by every room, batched."""
