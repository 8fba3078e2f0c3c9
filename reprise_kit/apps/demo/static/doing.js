// What goes on, how far it is, how to end it, and what went wrong: the line that stays within sight.

const at = (id) => document.getElementById(id);

export function complain(text) {
  at("problem").hidden = !text;
  at("problem").textContent = text ? `That did not work: ${text}.` : "";
  if (text) at("problem").scrollIntoView({ block: "center" });
}

// word: on the button that ends it.
export function busy(on, word = "Cancel") {
  at("doing").classList.toggle("busy", on);
  at("cancel").hidden = !on;
  at("cancel").textContent = word;
}

// From 0 to 1; undefined: nobody knows; null: over.
export function progress(share) {
  at("progress").hidden = share === null;
  busy(share !== null);
  if (share === undefined) at("progress").removeAttribute("value");
  else if (share !== null) at("progress").value = share;
}
