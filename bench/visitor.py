"""A reader without a browser: one session by Streamlit's own websocket protocol.

It does what the page in a browser does: sends what was pressed, takes all that is sent back (a
film's pixels among it), and asks again for the parts of a page that look for themselves now and
then, by Streamlit's `run_every` or by the pulse of `pages/ui/poll.py`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qsl, quote

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from pages.ui.intake.route import HEADER

PATIENCE = 300.0  # seconds; only a hang runs out of it
_BEAT = 0.6  # seconds, as pages/ui/poll.py
_TRIGGER = "$$STREAMLIT_INTERNAL_KEY_{}__events"
_DONE = ForwardMsg.FINISHED_SUCCESSFULLY


class Visitor:
    """A session.

    Parameters
    ----------
    address : str
        Of the server, as ``http://127.0.0.1:8501``.
    cookie : str
        Cookie header of a browser that is signed in there.

    Attributes
    ----------
    widgets : dict of str to str
        Ids of what stands on the page, by key.
    text : str
        What the last full run of the page wrote, as far as it is text.
    failures : int
        Exceptions that reached the page.
    """

    def __init__(self, address: str, cookie: str) -> None:
        self.address, self._cookie = address, cookie
        self.widgets: dict[str, str] = {}
        self.text = ""
        self.failures = 0
        self._socket: ClientConnection | None = None
        self._session, self._page, self._query = "", "", ""
        self._states: dict[str, WidgetState] = {}
        self._finished: asyncio.Event = asyncio.Event()
        self._uploader: dict[str, str] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._leaving = False
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Visitor:
        place = self.address.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket = await connect(
            place,
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(self.address),
            additional_headers={"Cookie": self._cookie},
            max_size=None,
            compression=None,
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *reason: object) -> None:
        tasks = [*self._looks.values(), *([self._listening] if self._listening else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    @property
    def query(self) -> dict[str, str]:
        """Parameters in the address line."""
        return dict(parse_qsl(self._query))

    async def go(self, page: str, **query: str) -> float:
        """Open a page by its name, as a link does; returns seconds until it was done."""
        self._page, self._states = "", {}
        self._query = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        return await self._run(page_name=page)

    async def press(self, key: str) -> float:
        """Press a button; returns seconds until the page was done."""
        return await self._run(WidgetState(id=self.widgets[key], trigger_value=True))

    async def set(self, key: str, value: Any) -> float:
        """Change a toggle (bool), a field (str) or a choice (list of str)."""
        state = WidgetState(id=self.widgets[key])
        if isinstance(value, bool):
            state.bool_value = value
        elif isinstance(value, str):
            state.string_value = value
        else:
            state.string_array_value.data.extend(value)
        self._states[key] = state
        return await self._run()

    async def drop(self, key: str, name: str, content: bytes) -> float:
        """Drop a small file on an uploader."""
        place = f"{self.address}{self._uploader['address']}"
        headers = {
            HEADER: self._uploader["ticket"],
            "Cookie": self._cookie,
            "Origin": self.address,
        }
        job = await asyncio.to_thread(_hand_in, place, headers, name, content)
        trigger = json.dumps([{"event": "opened", "value": job}])
        return await self._run(
            WidgetState(id=_TRIGGER.format(self.widgets[key]), json_trigger_value=trigger)
        )

    async def _run(self, trigger: WidgetState | None = None, page_name: str = "") -> float:
        self._forget_page()
        self._leaving = True
        message = BackMsg()
        self._fill(message.rerun_script, page_name)
        if trigger is not None:
            message.rerun_script.widget_states.widgets.append(trigger)
        self._finished.clear()
        start = time.perf_counter()
        await self._send(message)
        finished = asyncio.create_task(self._finished.wait())
        ended = [finished, *([self._listening] if self._listening else [])]
        await asyncio.wait(ended, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        seconds = time.perf_counter() - start
        if not finished.done():
            finished.cancel()
            if self._listening is not None and self._listening.done():
                self._listening.result()
                raise ConnectionError("the server closed the connection")
            raise TimeoutError(f"a page action did not end: {page_name or self._query}")
        return seconds

    def _fill(self, state: ClientState, page_name: str = "") -> None:
        state.query_string, state.page_script_hash = self._query, self._page
        state.page_name = page_name
        state.context_info.timezone, state.context_info.locale = "UTC", "en-US"
        state.context_info.url = self.address
        state.context_info.color_scheme = "dark"
        state.widget_states.widgets.extend(self._states.values())

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None
        await self._socket.send(message.SerializeToString())

    async def _listen(self) -> None:
        assert self._socket is not None
        async for data in self._socket:
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._see(message.delta)
        elif kind == "new_session":
            self._session = message.new_session.initialize.session_id
            if not message.metadata.run.fragment_ids:
                self._forget_page()
                self._leaving = False
        elif kind == "navigation":
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            fragment, every = message.auto_rerun.fragment_id, message.auto_rerun.interval
            if fragment not in self._looks:
                self._replace_look(fragment, self._look(fragment, every))
        elif kind == "stop_auto_rerun":
            look = self._looks.pop(message.stop_auto_rerun.fragment_id, None)
            if look is not None:
                look.cancel()
        elif kind == "script_finished" and message.script_finished == _DONE:
            self._finished.set()

    def _forget_page(self) -> None:
        """The page is drawn anew: nothing of it asks again."""
        for look in self._looks.values():
            look.cancel()
        self._looks, self.text = {}, ""

    def _see(self, delta: Delta) -> None:
        """Remember widgets and words; answer a pulse."""
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type") or ""
        self.failures += kind == "exception"
        element = getattr(delta.new_element, kind)
        for name in ("body", "text", "label"):
            words = getattr(element, name, "")
            self.text += f"{words}\n" if isinstance(words, str) else ""
        if kind == "bidi_component" and "uploader" in element.component_name:
            self._uploader = json.loads(element.json)
        if getattr(element, "id", ""):
            key = element.id.split("-", 2)[-1]  # after $$ID and a hash
            self.widgets[key] = element.id
            if key.startswith("pulse-"):
                self._replace_look(key, self._beat(element.id, delta.fragment_id))

    def _replace_look(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        if self._leaving:  # it belongs to the page before
            work.close()
            return
        if name in self._looks:
            self._looks[name].cancel()
        self._looks[name] = asyncio.create_task(work)

    async def _beat(self, widget: str, fragment: str) -> None:
        """Once: the answer draws the pulse again, if it is still wanted."""
        await asyncio.sleep(_BEAT)
        message = BackMsg()
        self._fill(message.rerun_script)
        message.rerun_script.fragment_id = fragment
        trigger = [{"event": "beat", "value": time.monotonic_ns()}]
        message.rerun_script.widget_states.widgets.append(
            WidgetState(id=_TRIGGER.format(widget), json_trigger_value=json.dumps(trigger))
        )
        await self._send(message)

    async def _look(self, fragment: str, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            message = BackMsg()
            self._fill(message.rerun_script)
            message.rerun_script.fragment_id = fragment
            message.rerun_script.is_auto_rerun = True
            await self._send(message)


def _hand_in(place: str, headers: dict[str, str], name: str, content: bytes) -> str:
    """Hand a file to the server as the uploader does; returns the job."""

    def post(step: str, body: bytes) -> dict[str, Any]:
        answer = requests.post(f"{place}/{step}", body, headers=headers, timeout=PATIENCE)
        answer.raise_for_status()
        said: dict[str, Any] = answer.json()
        return said

    listed = {"files": [[name, len(content)]], "lost": {}}
    job = str(post("open", json.dumps(listed).encode())["job"])
    header = json.dumps({"job": job, "pieces": [[0, 0, len(content)]]}).encode()
    post("send", len(header).to_bytes(4, "little") + header + content)
    post("close", json.dumps({"job": job, "lost": {}, "rest": "cut"}).encode())
    return job
