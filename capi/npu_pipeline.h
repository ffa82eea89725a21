/* npu_pipeline.h: a session that works through a queue of frames in a thread of its own. C11; npu_delegate.h includes it.
 *
 *   npu_session_pipeline_start(session, 2);
 *   for each frame:  npu_session_submit(session, &job);       -- returns at once, or when there is room
 *                    npu_session_wait(session, -1, &result);   -- here, or in another thread
 *   npu_session_pipeline_stop(session);
 *
 * Results come in the order of submission, and every job that was taken has exactly one: done, dropped or failed. What
 * happens when frames come faster than they are computed is each job's policy: a file waits, a camera drops.
 *
 * Threads: one may submit while another waits. While a pipeline runs, its session's other functions (but for
 * npu_session_input, _output, _device and the counts) give NPU_INVALID_ARGUMENT.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NPU_PIPELINE_H_
#define NPU_PIPELINE_H_

#include "npu_frame.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What npu_session_submit does when as many jobs wait as the pipeline takes. */
typedef enum npu_policy {
  NPU_POLICY_BLOCK = 0,       /* waits for room, until the deadline if there is one */
  NPU_POLICY_DROP_OLDEST = 1, /* drops the job that has waited longest: the newest frame counts */
  NPU_POLICY_DROP_NEW = 2     /* drops this job: what was begun is finished */
} npu_policy;

typedef struct npu_job {
  size_t struct_size;
  uint64_t id;            /* the caller's own; its result has it */
  size_t input;           /* which of the session's inputs; the others keep what they hold */
  const npu_frame* frame; /* copied; its memory, and file descriptors, stay until frame->release is called */
  const npu_fit* fit;     /* copied; NULL: all 0 */
  const void* data;       /* without a frame: the input's bytes, which stay until the result is there */
  size_t bytes;           /* exactly the input's size */
  uint64_t deadline_ns;   /* of CLOCK_MONOTONIC: a job that has not begun by then is dropped; 0: none */
  uint32_t policy;        /* npu_policy */
} npu_job;

typedef enum npu_job_state { NPU_JOB_DONE = 0, NPU_JOB_DROPPED = 1, NPU_JOB_FAILED = 2 } npu_job_state;

typedef struct npu_result {
  size_t struct_size;
  uint64_t id;
  npu_job_state state;
  npu_status status;  /* FAILED: what npu_session_invoke or npu_session_bind_frame gives; else NPU_OK */
  const char* text;   /* why it was dropped or failed; "" */
  /* DONE: each output's bytes, as npu_session_output describes them. */
  const void* const* outputs;
  size_t output_count;
  npu_fit_map map;    /* DONE with a frame: where the model's pixels lie in it */
  uint64_t submitted_ns, started_ns, read_ns, finished_ns; /* of CLOCK_MONOTONIC; 0 where it did not come so far */
} npu_result;

/* Since npu_session_pipeline_start. Latency is from submit to finish of jobs that are done: of the last 4096. */
typedef struct npu_pipeline_stats {
  size_t struct_size;
  uint64_t submitted, done, dropped, failed;
  double fps;                         /* done jobs per second, from the first submit to the last finish */
  uint64_t p50_ns, p99_ns, max_ns;    /* latency */
  uint64_t busy_ns;                   /* time in which the session computed */
} npu_pipeline_stats;

/* `depth`: how many jobs may wait, 1 to 64; one more is computed. Starts a thread, which blocks all signals. */
NPU_API npu_status npu_session_pipeline_start(npu_session* session, size_t depth);
/* Waits for the job that is computed; drops those that wait, and results that nobody has fetched. Calls their release.
 * A submit or wait that is going on returns NPU_INVALID_ARGUMENT. npu_session_destroy does the same. */
NPU_API npu_status npu_session_pipeline_stop(npu_session* session);

/* Hands a job over. A failure means that it was not taken: no result, no release. A frame's release is called from the
 * pipeline's thread when its pixels have been read, before the model has run, unless the model reads them where they are;
 * from this function for a frame that is dropped. It may call npu_session_submit no more than any other function of the
 * session. NPU_RESOURCE_EXHAUSTED: nobody fetches results. */
NPU_API npu_status npu_session_submit(npu_session* session, const npu_job* job);

/* The next result, in order of submission. timeout_ns < 0: waits for ever; NPU_TIMEOUT when it is over. Pointers in it
 * hold until the next call. From one thread at a time. Jobs wait while results of depth + 1 jobs are not fetched. */
NPU_API npu_status npu_session_wait(npu_session* session, int64_t timeout_ns, npu_result* out_result);

NPU_API npu_status npu_session_pipeline_stats(const npu_session* session, npu_pipeline_stats* out_stats);

#ifdef __cplusplus
}
#endif

#endif /* NPU_PIPELINE_H_ */
