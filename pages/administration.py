"""Administration: who may sign in and as what, the batches that run, the order of reading."""

from __future__ import annotations

from pages.ui.account import administration, ai_switches, two_doctors
from pages.ui.frame import insist_on_router
from pages.ui.messages import show_notice
from pages.ui.worklist import jobs, reading_order

insist_on_router()
show_notice()
administration.render_accounts()
administration.render_new_account()
ai_switches.render_site_switch()
two_doctors.render_switch()
jobs.render_running()
reading_order.render_order()
