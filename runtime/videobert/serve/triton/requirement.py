"""What has to be installed for a model repository, in words."""

INSTALL = "pip install 'videobert[triton-server]'"
