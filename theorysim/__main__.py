"""python -m theorysim"""

from theorysim.cli import main

raise SystemExit(main())
