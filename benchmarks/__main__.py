"""`make bench`: evaluation and plan at size, then pushes beside a plain script, then the rehearsal platforms. What the
process of a command is worth: `python -m benchmarks.process`."""

from benchmarks import push, rehearsal, scale

scale.main([])
push.main()
rehearsal.main()
