"""`make bench`: evaluation and plan at size, then pushes beside a plain script, then the rehearsal platforms."""

from benchmarks import push, rehearsal, scale

scale.main([])
push.main()
rehearsal.main()
