// What is said aloud by screen readers: the newest, and not too often.

// Returns a function that passes on at most one value in so many milliseconds, the last one always.
export function seldom(milliseconds, tell) {
  let [last, timer, value] = [-Infinity, 0, null];
  const now = () => {
    [last, timer] = [performance.now(), 0];
    tell(value);
  };
  return (given) => {
    value = given;
    if (value === "") return tell(value); // nothing that is said
    if (timer) return undefined;
    timer = setTimeout(now, Math.max(0, last + milliseconds - performance.now()));
    return undefined;
  };
}
