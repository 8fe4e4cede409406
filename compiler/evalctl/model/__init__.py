"""The data that passes between the stages: frozen values without I/O.

`diagnostic` messages for people · `manifest` the documents people write (pydantic; `schema/` comes from here) ·
`vllm`, `parsers` and `marks` what the pinned vLLM knows by name ·
`evaluation` evals, jobs and plans · `run` what `sync` sees and decides · `result` what was measured.
"""
