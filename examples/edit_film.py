"""Cut a film by a sentence and by hand, write the cut film and an edit list, and see what was copied."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import videobert

# The clip that comes with the bundled model, unless another film is named.
film = sys.argv[1] if len(sys.argv) > 1 else str(Path(videobert.__file__).parent / "bundled" / "shapes" / "clip.mp4")

with videobert.load("shapes") as model:
    # Texts stand where times do: "keep only the parts where someone pours, then at most 30 seconds".
    plan = model.edit(film, "bring the last 2 seconds to the front and cut out 3 to 4.5 s", seconds=8)

for step in plan.steps:
    print(step)
for span in plan.spans:
    print(f"{span.start_s:.2f}–{span.end_s:.2f} s, {span.frames} frames: {span.why}")

with tempfile.TemporaryDirectory() as folder:
    # For a cutting room; `.otio` and `.json` are the other forms.
    videobert.write_edit_list(plan, f"{folder}/cut.edl")
    print(Path(folder, "cut.edl").read_text(encoding="utf-8"))
    # Only frames between a cut and the next key frame are encoded anew, the others are the source's own bytes.
    cut = videobert.write_film(film, plan, f"{folder}/cut.mp4")
    print(f"{cut.frames} frames, {cut.frames_copied} of them copied as they are: {cut.method}")
