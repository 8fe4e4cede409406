"""The programs of a job, which run in a job environment, where evalctl is not installed.

Each is `python -m evalctl_job.NAME`:

- `run`: a job on its compute node, from its script's document; implemented in `supervisor`.
- `relay`: between the framework and the model, for all tasks of a job: each request belongs to a task by its URL.
- `accept`: judges a task after its framework has ended: `done` with scores only if the model gave every answer.
- `stall`: detects a framework that sends no requests although questions are left.
- `checkpoint`: whether a folder holds the checkpoint of its model card.
- `download`: a model's files into the Hub's cache; `fetch_datasets`: the data sets of tasks; `upload`: results and
  details to the Hub; `hub`: what these share.
- `probe`: what a provider accepts. Only `evalctl probe` runs it, in a job environment because litellm is there; `provider` asks,
  `limits` reads the limits from the replies.

Shared by evalctl and the programs of a job (evalctl imports nothing else of this package):

- `run_folder`: the names of all files of a run folder.
- `typed`: the one reader of documents as values of frozen types.
- `attempt`, `marks`, `options`, `download_note`, `upload_plan`, `probed`: the types of files that one of them writes and the other reads.
- `key_shapes`: the shapes of API keys; `server_variables`: which environment variables a service and `.env` may set for the server.
- `question_set`: the questions of a task by their digests; `scores`: what each of them is worth, `ends`: how its answers ended, both in few bytes;
  `whole_texts`: the metrics that are no means over questions.
- `shards`: the parts of a task that several jobs answer: their names and notes, and which question is whose.
- `looping`: whether an answer repeats itself until it ends.
- `fence.words`: the words for a fence around model-written code.

`fence` is the package that runs model-written code; its `attach` is in the process of a framework.

In the process of a framework: `framework_calls`: its client's questions, all at once; `conversations`: those of several turns; `framework_client`: the connection to the relay;
`litellm_form`: requests and replies as litellm forms them.

Of the relay, in the order in which a request passes them:

- `relay_options`: its command line; `connections`: limits those without a key; `relay_key`: the key that each request must carry.
- `question_stream`: all questions of a framework's call in one request.
- `answering`: answers and counts each request, independent of the HTTP server.
- `asking`: answers from the store where possible, else from the model; `choices`: a request in parts, merged into one answer.
- `forward`: one request with retries; `limiter`: limits the choices in flight; `admission`: computes that limit.
- `transport`: one try over HTTP; `address`: where the server is, which may change.
- `outcomes`: the outcome of a try; `replies`: what counts as an answer; `filters`: answers that a provider withholds;
  `strict_json`: their JSON.
- `refusals`: questions that are all refused alike; `repeats`: replies that were given before; `redact`: texts without secrets.
- `answers`: a task's answers on disk; `counts`: what happened to its requests; `relay_files`: the types of what is written of both; `store`: both, for all tasks.
- `watch`: looks at the server each second, and keeps a note of it.

Of acceptance: `judgement`: its checks; `framework_output`: what a framework leaves; `observed`: what answers and requests show beside the
scores; `questions`: a task's questions and their values, from a framework's details; `passages`: which of them are about the same passage;
`stability`: how their answers ended, from the relay's file; `judges`: which models score the answers of a task; `reasons`: why a task
failed, in one word. For all: `files`: files that are whole or absent.
"""

__version__ = "0.1.0"
