// A file to the server; its answer comes back as events while it is being computed.

const LIMIT = Number(document.body.dataset.uploadBytes);

const LATER = [429, 503]; // statuses that another try may change

// Calls onEvent(name, content) for upload {share}, queued, start, steps, result, original, error and end.
// Returns a function that gives up.
// compared: whether the original's answer is wanted too. Where the server is full it is asked again, by itself: `full`
// {seconds} is told each time.
export function send(file, system, compared, onEvent) {
  if (file.size > LIMIT) {
    onEvent("error", { error: `the file is larger than ${Math.round(LIMIT / 1048576)} MB, the limit here` });
    onEvent("end", {});
    return () => {};
  }
  let [giveUp, timer] = [() => {}, 0];
  const again = () => {
    giveUp = sendOnce(file, system, compared, onEvent, (seconds) => {
      onEvent("full", { seconds });
      timer = setTimeout(again, 1000 * seconds);
    });
  };
  again();
  return () => { clearTimeout(timer); giveUp(); };
}

function sendOnce(file, system, compared, onEvent, onFull) {
  const request = new XMLHttpRequest(); // unlike fetch it tells how much has been sent
  let read = 0;
  let answered = false;
  const take = () => {
    if (request.status !== 200) return;
    for (let end; (end = request.responseText.indexOf("\n\n", read)) >= 0; read = end + 2) {
      const [name, data] = request.responseText.slice(read, end).split("\n");
      answered ||= name === "event: result" || name === "event: error";
      onEvent(name.slice("event: ".length), JSON.parse(data.slice("data: ".length)));
    }
  };
  request.upload.onprogress = (e) => onEvent("upload", { share: e.loaded / Math.max(e.total, 1) });
  request.onprogress = take;
  request.onload = () => {
    take();
    const seconds = Number(request.getResponseHeader("Retry-After"));
    if (LATER.includes(request.status) && seconds) return onFull(seconds);
    if (request.status !== 200) onEvent("error", { error: refusal(request) });
    else if (!answered) onEvent("error", { error: "the server stopped before it had answered" });
    onEvent("end", {});
  };
  request.onerror = () => {
    onEvent("error", { error: "the server cannot be reached, or refused the file" });
    onEvent("end", {});
  };
  const form = new FormData();
  form.append("system", system);
  form.append("clip", file, "clip");
  request.open("POST", compared ? "/api/v1/predict?original=1" : "/api/v1/predict");
  request.setRequestHeader("Accept", "text/event-stream");
  request.send(form);
  return () => { request.onload = request.onerror = request.onprogress = null; request.abort(); };
}

function refusal(request) {
  try {
    return JSON.parse(request.responseText).error;
  } catch {
    return `the server refused it (${request.status})`;
  }
}
