"""`make bench`: evaluation and plan at size, then pushes beside a plain script."""

from benchmarks import push, scale

scale.main([])
push.main()
