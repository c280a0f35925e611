"""The images wing: pictures from class folders, manifests and IDX files."""
