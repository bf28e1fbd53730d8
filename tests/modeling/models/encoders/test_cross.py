"""Both ways to join a text with a film: what a place attends to, and that either can be trained."""

from __future__ import annotations

import pytest
import torch
from tests.small_univl import config_of, stack

from videobert.base.errors import InputError
from videobert.model.config import FusionKind
from videobert_modeling.models.encoders.cross import CrossEncoder
from videobert_modeling.models.families.univl import UniVl

KINDS: tuple[FusionKind, ...] = ("concat", "cross_attention")


def encoder(kind: FusionKind, **sizes: int) -> CrossEncoder:
    torch.manual_seed(0)
    return CrossEncoder(stack(**sizes), kind).eval()


def streams(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    text, video = (torch.randn(2, length, 64, generator=generator) for length in (5, 7))
    return text, torch.tensor([5, 3]), video, torch.tensor([4, 7])


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_past_a_length_has_no_influence(kind: FusionKind) -> None:
    text, text_lengths, video, video_lengths = streams()
    before = encoder(kind)(text, text_lengths, video, video_lengths)
    text[1, 3:], video[0, 4:] = 9, -9
    after = encoder(kind)(text, text_lengths, video, video_lengths)
    for row in range(2):
        real = [*range(int(text_lengths[row])), *range(5, 5 + int(video_lengths[row]))]
        torch.testing.assert_close(after[row, real], before[row, real], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "sees_its_own"), [("concat", True), ("cross_attention", False)])
def test_a_place_attends_to_the_other_stream_and_with_concat_to_its_own(kind: FusionKind, sees_its_own: bool) -> None:
    """One layer, so that nothing comes by way of the other stream."""
    module = encoder(kind, layers=1)
    text, text_lengths, video, video_lengths = streams()
    before = module(text, text_lengths, video, video_lengths)
    other = text.clone()
    other[:, 1] = torch.randn(64)
    after = module(other, text_lengths, video, video_lengths)
    moved = (after - before).abs().amax(dim=-1) > 1e-6
    assert moved[0, 5:9].all()
    assert moved[0, 1]
    assert moved[0, [0, 2, 3, 4]].all() == sees_its_own


def test_both_kinds_have_the_same_tensors() -> None:
    shapes = [{name: tensor.shape for name, tensor in encoder(kind).state_dict().items()} for kind in KINDS]
    assert shapes[0] == shapes[1]


def test_more_places_than_positions_are_refused() -> None:
    module = encoder("concat", positions=11)
    with pytest.raises(InputError, match="too long"):
        module(*streams())


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_either_kind_learns_which_text_belongs_to_which_film(kind: FusionKind) -> None:
    """Four films of one pattern each, four texts of one word each, told apart by the similarity of the pooler."""
    config = config_of(fusion_kind=kind)
    torch.manual_seed(1)
    model = UniVl(config).train()
    assert model.cross_encoder is not None
    assert model.pooler is not None
    assert model.alignment_head is not None
    films = torch.randn(4, 1, config.backbone.feature_dim).expand(-1, 3, -1) * 3
    texts = torch.stack([torch.tensor([2, 5 + word, 3]) for word in range(4)])
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    pairs = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    for _ in range(40):
        text = model.text_encoder(texts, torch.full((4,), 3))[pairs[:, 0]]
        video = model.video_encoder(films, torch.full((4,), 3))[pairs[:, 1]]
        threes = torch.full((len(pairs),), 3)
        fused = model.cross_encoder(text, threes, video, threes)
        scores = model.alignment_head(model.pooler(fused[:, 0])).reshape(4, 4)
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
