// Asks for what the page of this address needs before its scripts are read: they take the answers from here (src/api/client.ts).
(() => {
  const answers = new Map();
  const ask = (path) => {
    const answer = fetch(path, { credentials: "same-origin" });
    answer.catch(() => undefined); // whoever takes it is told
    answers.set(path, answer);
  };
  window.headwaterEarly = answers;
  if (location.pathname.startsWith("/sign-in")) return; // also where a provider sends back to
  ask("/headwater/v1/session");
  const [, account, zone, page] = /^\/([0-9a-f]{32})\/([a-z0-9._~-]+\.[a-z0-9-]+)(?:\/(.*))?$/.exec(location.pathname) ?? [];
  if (zone === undefined) return;
  ask(`/client/v4/zones?account.id=${account}&name=${zone}`);
  if (page === "dns/records" && location.search === "") {
    ask(`/headwater/v1/accounts/${account}/zones/${zone}/dns_records?direction=asc&order=type&page=1&per_page=50`);
  }
})();
