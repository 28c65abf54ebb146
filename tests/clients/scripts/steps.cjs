// Runs a client's steps one after another, and writes what each one saw: one JSON object a line. A step that fails is
// written with its error, and the next one runs.
'use strict';

const said = (error) => {
  const answer = error.response || {};
  const body = answer.body || answer.data || answer.text || error.body || '';
  return {
    error: String(error.message || error).slice(0, 500),
    status: error.status || error.statusCode || answer.status || (typeof error.code === 'number' ? error.code : 0),
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
};

module.exports = async (steps) => {
  const kept = {};
  for (const [step, run] of Object.entries(steps)) {
    let line;
    try {
      line = { step, value: (await run(kept)) ?? null };
    } catch (error) {
      line = { step, ...said(error) };
    }
    process.stdout.write(JSON.stringify(line) + '\n');
  }
};
