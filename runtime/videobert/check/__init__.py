"""Every stage of a model on named arrays, to be compared with the program that made it, or one engine with another.

from videobert.check import check_folder

checked = check_folder("my-model", "in.npz", engine="torch")
checked.arrays["encoder.states"]
"""

from __future__ import annotations

from videobert.check.folder_check import check_folder

__all__ = ["check_folder"]
