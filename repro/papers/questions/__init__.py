"""The questions that the papers end with, asked of a network like that of Popović & Mihajlović."""
