"""Every word the viewer shows, in the reader's language."""

from __future__ import annotations

from imaging.entities import RESEARCH_USE
from pages.ui.i18n import _


def words() -> dict[str, str]:
    """The viewer's words by name; names in braces are filled in by the browser."""
    return {**_actions(), **_readouts(), **_presets(), **_mouse()}


def _actions() -> dict[str, str]:
    """What buttons and keys do."""
    return {
        "preset1": _("Window preset 1"),
        "preset2": _("Window preset 2"),
        "preset3": _("Window preset 3"),
        "preset4": _("Window preset 4"),
        "preset5": _("Window preset 5"),
        "window": _("Window and level"),
        "pan": _("Pan"),
        "zoom": _("Zoom"),
        "magnify": _("Magnifier"),
        "point": _("Pixel value"),
        "length": _("Length"),
        "angle": _("Angle"),
        "rectangle": _("Rectangle with statistics"),
        "ellipse": _("Ellipse with statistics"),
        "ratio": _("Cardiothoracic ratio: heart, then thorax"),
        "region": _("Outline a region"),
        "invert": _("Invert grey"),
        "rotateRight": _("Rotate right"),
        "rotateLeft": _("Rotate left"),
        "flipAcross": _("Flip left and right"),
        "flipDown": _("Flip top and bottom"),
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
        "fit": _("Fit"),
        "actual": _("Actual size (one image pixel to one screen pixel)"),
        "reset": _("Reset to the original image"),
        "planes": _("Show or hide the file's own overlay"),
        "overlay": _("Show or hide the explanation"),
        "text": _("Show or hide the patient text"),
        "more": _("More tools"),
        "map_look": _("How the explanation is drawn"),
        "opacity": _("Opacity of the explanation"),
        "opacityDown": _("Explanation fainter"),
        "opacityUp": _("Explanation stronger"),
        "threshold": _("Hide weak parts of the explanation"),
        "contour": _("Contours instead of colours"),
        "palette": _("Grey instead of colours"),
        "cine": _("Play frames"),
        "previousFrame": _("Previous frame"),
        "nextFrame": _("Next frame"),
        "firstFrame": _("First frame"),
        "lastFrame": _("Last frame"),
        "previousPane": _("Previous pane"),
        "nextPane": _("Next pane"),
        "link": _("Link the panes"),
        "undo": _("Undo an annotation"),
        "redo": _("Redo an annotation"),
        "remove": _("Delete the selected annotation"),
        "accept": _("Agree with the AI; confirm a signature"),
        "reject": _("Disagree with the AI"),
        "present": _("Finding present"),
        "absent": _("Finding absent"),
        "normal": _("Normal study"),
        "nextFinding": _("Next finding"),
        "note": _("Write in the note"),
        "prior": _("Prior beside, or this image alone"),
        "blink": _("Blink with the prior: hold to see it, or tap to alternate"),
        "sameWindow": _("Same window for the prior: the same center and width"),
        "signPreliminary": _("Sign preliminary"),
        "signFinal": _("Sign final"),
        "nextStudy": _("Next unread study"),
        "previousStudy": _("Previous study"),
        "cancel": _("Stop drawing, playing, or close"),
        "help": _("Keyboard and mouse"),
        "close": _("Close"),
        "finding": _("Finding of the selected annotation"),
        "unmarked": _("No finding"),
        "presets": _("Window preset"),
        "toolbar": _("Viewer tools"),
        "viewer": _("Image viewer"),
    }


def _readouts() -> dict[str, str]:
    """What stands on the film."""
    return {
        "research": _(RESEARCH_USE),
        "generated": _("Computed by the AI, not part of the image"),
        "loading": _("Loading the image ..."),
        "level": _("C {center} W {width}"),
        "lut": _("look-up table"),
        "sigmoid": _("sigmoid"),
        "inverted": _("Inverted"),
        "zoom_level": _("Zoom {percent}%"),
        "frame": _("Frame {number} of {count}"),
        "ordered": _("Image {number} of {count} (frame {frame})"),
        "image": _("Image {number} of {count}"),
        "planes_off": _("The file's overlay is hidden"),
        "flipped": _("Flipped: left and right are exchanged"),
        "padding": _("no picture"),
        "map": _("explanation {value}"),
        "plane_detector": _("at the detector"),
        "plane_film": _("on the film"),
        "plane_corrected": _("at the detector / {factor}"),
        "plane_calibrated": _("calibrated"),
        "plane_unknown": _("plane not stated"),
        "unscaled": _("no scale in this file"),
        "ctr": _("Cardiothoracic ratio"),
        "mean": _("mean"),
        "same_window": _("Same center and width as the image beside"),
        "no_same_window": _(
            "One window fits grey images of one modality and unit alone; set each by itself."
        ),
        "blink_turned": _("Reset both images first: one of them is turned or flipped."),
        "blink_sides": _(
            "The two files name other sides at their edges. Compare the two side by side."
        ),
    }


def _presets() -> dict[str, str]:
    """Names of display windows."""
    return {
        "file": _("File {number}: {name}"),
        "automatic": _("Automatic"),
        "full": _("Full range"),
        "softTissue": _("Soft tissue"),
        "lung": _("Lung"),
        "liver": _("Liver"),
        "bone": _("Bone"),
        "brain": _("Brain"),
    }


def _mouse() -> dict[str, str]:
    """The mouse, for the help sheet."""
    return {
        "mouseLeft": _("Left button: window (across: width, down: level), or the chosen tool"),
        "mouseMiddle": _("Middle button: pan"),
        "mouseRight": _("Right button: zoom"),
        "mouseWheel": _("Wheel: frames, or the pictures of a series; on a single picture, zoom"),
    }
