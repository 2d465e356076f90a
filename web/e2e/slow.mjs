// A way to the server on which the API is slow. The browser's own interception would do as well, but hands every script of the page over to the
// test and back, and that takes longer than the page does.
import { createServer, request } from "node:http";

/**
 * Stands before a server. Between begin and end the answers of the API take so many milliseconds, and what is asked for after the first of them
 * is not answered before the end: nothing that waits for a second answer gets further. answered tells how many there were since begin.
 */
export async function slowWay(t, url, late) {
  let on = false;
  let held = [];
  const way = { answered: 0 };
  way.begin = () => {
    on = true;
    way.answered = 0;
  };
  way.end = () => {
    on = false;
    for (const go of held) go();
    held = [];
  };
  const waits = (since, second) => new Promise((go) => (second ? held.push(go) : setTimeout(go, since + late - performance.now())));
  const front = createServer((from, to) => {
    const slow = on && /^\/(client|headwater)\//.test(from.url);
    const since = performance.now();
    const second = way.answered > 0;
    const onward = request(url + from.url, { method: from.method, headers: from.headers }, async (answer) => {
      if (slow && on) await waits(since, second);
      if (slow) way.answered++;
      to.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(to);
    });
    onward.on("error", () => to.destroy());
    to.on("close", () => onward.destroy());
    from.pipe(onward);
  });
  await new Promise((resolve) => front.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    way.end();
    front.closeAllConnections();
    front.close();
  });
  return Object.assign(way, { url: `http://127.0.0.1:${front.address().port}` });
}
