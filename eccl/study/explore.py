"""A page to look around in with sliders: one participant after another, and one simulated heart, changed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eccl.display import png
from eccl.errors import DataError
from eccl.records import FRAMES
from eccl.share.pretrained import load
from eccl.simulate.turned import STEPS
from eccl.study import panels
from eccl.study.data import Data
from eccl.study.obtain import obtain

if TYPE_CHECKING:
    from ipywidgets import VBox
    from matplotlib.figure import Figure

    from eccl.share.predict import Model

UNTURNED = "as it is"


def explore(data: Data, method: str = "eccl") -> VBox:
    """Widgets for JupyterLab: choose a test participant and a frame; or change a simulated heart and see all move.

    Parameters
    ----------
    data : Data
        Of `eccl.prepare`, with ECG and cine.
    method : str
        One with a space that ECG and cine share; read where its run is complete, else trained.

    Raises
    ------
    DataError
        If ipywidgets is not installed, or the method's run cannot predict.
    ValueError
        If the method has no such space.

    Examples
    --------
    >>> eccl.explore(eccl.prepare(eccl.preset("laptop")))  # doctest: +SKIP
    """
    try:
        import ipywidgets
    except ImportError as error:
        remedy = "pip install ipywidgets (the extra lab), or call the functions of eccl.study.panels, without widgets"
        raise DataError("ipywidgets is not installed", remedy=remedy) from error
    model = load(obtain(method, data).run.folder)
    titles = ("A participant", "A heart to change")
    pages = ipywidgets.Tab([_participant(ipywidgets, data, model, method), _heart(ipywidgets, model)])
    for place, title in enumerate(titles):
        pages.set_title(place, title)
    return ipywidgets.VBox([pages])


def _participant(ipywidgets: Any, data: Data, model: Model, method: str) -> VBox:
    """ECG, cine, prediction and nearest cines of the test participant that is chosen."""
    people = [(data.cohort.participant_ids[row], int(row)) for row in data.split.test]
    who = ipywidgets.Dropdown(options=people, description="participant")
    frame = ipywidgets.IntSlider(0, 0, FRAMES - 1, description="frame")
    shown = {
        "ecg": lambda: panels.ecg_panel(data, who.value),
        "prediction": lambda: panels.prediction_panel(data, who.value, model),
        "nearest": lambda: panels.nearest_panel(data, who.value, method),
    }
    pictures = {name: _picture(ipywidgets, draw, [who]) for name, draw in shown.items()}
    cine = _picture(ipywidgets, lambda: panels.cine_panel(data, who.value, frame.value), [who, frame])
    moving = ipywidgets.HBox([ipywidgets.VBox([who, frame]), cine])
    return ipywidgets.VBox([moving, *pictures.values()])


def _heart(ipywidgets: Any, model: Model) -> VBox:
    """Both views and the prediction of a simulated heart, of which each part has a slider."""
    sliders = {
        part: ipywidgets.SelectionSlider(
            options=[UNTURNED, *values],
            description=part,
            style={"description_width": "initial"},
            layout={"width": "40em"},
        )
        for part, values in STEPS.items()
    }
    pictures = {name: ipywidgets.Image(format="png") for name in ("ecg", "cine", "prediction")}

    def draw(_: Any = None) -> None:
        parts = {part: slider.value for part, slider in sliders.items() if slider.value != UNTURNED}
        for name, figure in panels.turned_panels(model, parts).items():
            pictures[name].value = png(figure)

    for slider in sliders.values():
        slider.observe(draw, "value")
    draw()
    return ipywidgets.VBox([*sliders.values(), *pictures.values()])


def _picture(ipywidgets: Any, draw: Callable[[], Figure], moved_by: list) -> Any:
    """An image that is drawn anew whenever one of some widgets has another value."""
    image = ipywidgets.Image(format="png", value=png(draw()))

    def again(_: Any) -> None:
        image.value = png(draw())

    for widget in moved_by:
        widget.observe(again, "value")
    return image
