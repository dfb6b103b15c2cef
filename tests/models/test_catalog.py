from __future__ import annotations

import pytest

from spleeter_nb.exceptions import UnknownModelError
from spleeter_nb.models.catalog import CATALOG, find_entry


def test_there_are_six_models() -> None:
    assert list(CATALOG) == [
        "spleeter:2stems",
        "spleeter:2stems-16kHz",
        "spleeter:4stems",
        "spleeter:4stems-16kHz",
        "spleeter:5stems",
        "spleeter:5stems-16kHz",
    ]
    assert all(name == entry.spec.name for name, entry in CATALOG.items())


@pytest.mark.parametrize("n_stems", [2, 4, 5])
def test_the_wide_band_has_more_bins_and_the_same_weights(n_stems: int) -> None:
    narrow, wide = CATALOG[f"spleeter:{n_stems}stems"], CATALOG[f"spleeter:{n_stems}stems-16kHz"]
    assert (narrow.spec.n_bins, wide.spec.n_bins) == (1024, 1536)
    assert narrow.weights is wide.weights
    assert len(narrow.spec.instruments) == n_stems
    assert narrow.spec.instruments == wide.spec.instruments


def test_networks_differ_as_published() -> None:
    kinds = {
        name: (entry.spec.network, entry.spec.conv_activation, entry.spec.deconv_activation)
        for name, entry in CATALOG.items()
        if "16kHz" not in name
    }
    assert kinds == {
        "spleeter:2stems": ("unet", "leaky_relu", "relu"),
        "spleeter:4stems": ("unet", "elu", "elu"),
        "spleeter:5stems": ("softmax_unet", "elu", "elu"),
    }


@pytest.mark.parametrize(("name", "nearest"), [("spleeter:2stem", "spleeter:2stems"), ("5stems", "spleeter:5stems")])
def test_an_unknown_name_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownModelError, match=f"Did you mean '{nearest}'") as caught:
        find_entry(name)
    assert caught.value.context["name"] == name
    assert caught.value.context["allowed"] == tuple(CATALOG)
