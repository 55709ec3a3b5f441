"""Streamlit's own words (1.67), which it takes from no parameter: its buttons, hints and menus.

Listed as it writes them. Where its word would mislead, ours is another in English, too: a doctor
whose server was restarted need not look at the internet.
"""

from __future__ import annotations

from pages.ui.i18n import _

# Where such words stand: its header, hints below fields, menus and tips, lists of options, its own
# dialogs. No words of a patient's are in these, or they are none of its words.
SCOPE = (
    ", ".join(
        f'[data-testid="{name}"]'
        for name in (
            "stHeader",
            "stToolbar",
            "stStatusWidget",
            "stConnectionStatus",
            "stDialog",
            "stElementToolbar",
            "stTooltipContent",
            "stDataFrameColumnMenu",
            "stDataFrameColumnFormattingMenu",
            "stDataFrameColumnVisibilityMenu",
            "stDataFrameTooltipContent",
            "InputInstructions",
        )
    )
    + ", [role='listbox'], [data-testid='stSelectboxVirtualDropdown'], .skip-link"
)


def words() -> dict[str, str]:
    """Its words and ours for them; only those that differ."""
    said = {
        # fields
        "Press Enter to apply": _("Press Enter to apply"),
        "Press Enter to submit form": _("Press Enter to submit form"),
        "Press Ctrl+Enter to apply": _("Press Ctrl+Enter to apply"),
        "Press \N{PLACE OF INTEREST SIGN}+Enter to apply": _("Press Command+Enter to apply"),
        "Press Ctrl+Enter to submit form": _("Press Ctrl+Enter to submit form"),
        "Press \N{PLACE OF INTEREST SIGN}+Enter to submit form": _(
            "Press Command+Enter to submit form"
        ),
        "Choose an option": _("Choose an option"),
        "Choose options": _("Choose options"),
        "Add an option": _("Add an option"),
        "Choose or add an option": _("Choose or add an option"),
        "Choose or add options": _("Choose or add options"),
        "Add options": _("Add options"),
        "No options to select": _("No options to select"),
        "No options to select.": _("No options to select."),
        "No results": _("No results"),
        "Select all": _("Select all"),
        "Selected values": _("Selected values"),
        "Clear all": _("Clear all"),
        "Clear value": _("Clear value"),
        "Clear entry": _("Clear entry"),
        "Open": _("Open"),
        "Show password": _("Show password"),
        "Hide password": _("Hide password"),
        "Increment": _("Increase"),
        "Decrement": _("Decrease"),
        # dates
        "Choose date": _("Choose a date"),
        "Choose date range": _("Choose a period"),
        "Date range": _("Period"),
        "Clear date": _("Clear the date"),
        "Clear dates": _("Clear the dates"),
        "Calendar": _("Calendar"),
        "Next month": _("Next month"),
        "Previous month": _("Previous month"),
        "Use arrow keys to navigate dates. Enter to select. Escape to close.": _(
            "Arrow keys move between dates, Enter chooses, Escape closes."
        ),
        # tables
        "Fullscreen": _("Full screen"),
        "Close fullscreen": _("Leave full screen"),
        "Download as CSV": _("Download as CSV"),
        "Search": _("Search"),
        "Close Search": _("Close the search"),
        "Next Result": _("Next result"),
        "Previous Result": _("Previous result"),
        "Show/hide columns": _("Show or hide columns"),
        "Select...": _("Select ..."),
        "Clear selection": _("Clear the selection"),
        "Dataframe column menu": _("Menu of the column"),
        "Sort ascending": _("Sort ascending"),
        "Sort descending": _("Sort descending"),
        "Autosize": _("Fit the width"),
        "Pin column": _("Pin the column"),
        "Unpin column": _("Unpin the column"),
        "Hide column": _("Hide the column"),
        "Copy column name": _("Copy the column's name"),
        "Format": _("Format"),
        "Statistics": _("Statistics"),
        "Automatic": _("Automatic"),
        "Localized": _("Localized"),
        "Plain": _("Plain"),
        "Compact": _("Compact"),
        "Dollar": _("Dollar"),
        "Euro": _("Euro"),
        "Yen": _("Yen"),
        "Percent": _("Per cent"),
        "Scientific": _("Scientific"),
        "Accounting": _("Accounting"),
        "Distance": _("Distance"),
        "Time": _("Time"),
        # buttons, tabs, notices
        "Close": _("Close"),
        "Cancel": _("Cancel"),
        "Copy to clipboard": _("Copy to the clipboard"),
        "Copied": _("Copied"),
        "Link to heading": _("Link to this heading"),
        "Notifications": _("Notifications"),
        "Scroll tabs left": _("Scroll the tabs to the left"),
        "Scroll tabs right": _("Scroll the tabs to the right"),
        "Pagination": _("Pages"),
        "Next page": _("Next page"),
        "Previous page": _("Previous page"),
        # the header
        "Skip to main content": _("Skip to the main content"),
        "App pages": _("Pages of Lightbox"),
        "Main menu": _("Main menu"),
        "View less": _("View less"),
        "Rerun": _("Load again"),
        "Always rerun": _("Always load again"),
        "File change.": _("A file was changed."),
        "Settings": _("Settings"),
        "Print": _("Print"),
        "Clear cache": _("Clear the cache"),
        "About": _("About"),
        "Running...": _("Running ..."),
        "Stop": _("Stop"),
        "Stopping...": _("Stopping ..."),
        # the connection
        "Connecting": _("Connecting"),
        "Connecting to Streamlit server": _("Connecting to Lightbox"),
        "Unable to connect to Streamlit server": _("Lightbox does not answer"),
        "Error": _("Error"),
        "Connection error": _("Lightbox does not answer"),
        "Streamlit server is not responding. Are you connected to the internet?": _no_answer(),
        "Is Streamlit still running? If you accidentally stopped Streamlit, just restart it in "
        "your terminal:": _no_answer(),
        "streamlit run yourscript.py": "make run",
        "Connection timed out.": _("Lightbox does not answer in time."),
    }
    return {theirs: ours for theirs, ours in said.items() if theirs != ours}


def patterns() -> list[tuple[str, str]]:
    """Its sentences with a value at {0}, and ours; only those that differ."""
    said = [
        ("Remove {0}", _("Remove {0}")),
        ("Help for {0}", _("Help for {0}")),
        ("{0} icon", _("Icon: {0}")),
        ("Select {0} matches", _("Select {0} matches")),
        ("Page {0}", _("Page {0}")),
        ("Shortcut {0}", _("Shortcut {0}")),
    ]
    return [(theirs, ours) for theirs, ours in said if theirs != ours]


def _no_answer() -> str:
    return _(
        "It may be starting anew, or the way to it is cut. Nothing that was saved is lost; this "
        "page goes on by itself when it is back."
    )
