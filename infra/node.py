"""Runs a program with Node, the machine's or the one that we fetched: `python -m infra.node FILE [WORDS...]`."""

import os
import sys

from .setup.page import node_folder
from .setup.paths import HERE

folder = node_folder(HERE)
os.execvp("node" if folder is None else folder / "node", ["node", *sys.argv[1:]])
