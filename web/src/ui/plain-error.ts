/** What programs say of a network, and what it means. The first that fits counts. */
const meanings: readonly (readonly [said: RegExp, meaning: string])[] = [
  [/connection refused/i, "nothing listens there"],
  [/i\/o timeout|deadline exceeded|timed? ?out/i, "no answer came in time"],
  [/no route to host|network is unreachable|host is unreachable/i, "there is no way to it from here"],
  [/no such host/i, "its name has no address"],
  [/connection reset|broken pipe|\bEOF\b/i, "it broke the connection off"],
  [/permission denied|operation not permitted/i, "this machine does not let us ask"],
];

/** What went wrong on the way to a server, in plain words; what is none of the network's errors stays as it is. */
export const plainError = (text: string): string => meanings.find(([said]) => said.test(text))?.[1] ?? text;
