import { Button } from "@cloudflare/kumo/components/button";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { delegationQuery } from "../api/insight";
import { ago } from "../ui/format";
import { Loaded } from "../ui/page";
import { plainError } from "../ui/plain-error";

type Delegation = Schema<"Delegation">;

/** What the parent names now, beside what it should. */
export function ParentSays({ zone }: { zone: Schema<"Zone"> }) {
  const said = useQuery(delegationQuery(zone.id));
  return (
    <section aria-label="What the parent says" className="mb-5 flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-3">
        <h3 className="m-0 text-base font-medium">What the parent says</h3>
        <Button size="sm" loading={said.isFetching} onClick={() => void said.refetch()}>
          Look now
        </Button>
        {said.dataUpdatedAt > 0 && <span className="text-sm text-kumo-subtle">{`looked ${ago(new Date(said.dataUpdatedAt).toISOString())}`}</span>}
      </div>
      <Loaded query={said}>{(d) => (d === null ? <p className="m-0 text-sm text-kumo-subtle">This server does not look at parents.</p> : <Said delegation={d} />)}</Loaded>
    </section>
  );
}

function Said({ delegation: d }: { delegation: Delegation }) {
  if (d.error !== "") return <NotAsked error={d.error} />;
  const silent = d.servers.filter((s) => s.error !== "");
  const heard = d.servers.length - silent.length;
  const missing = d.wanted.filter((n) => !d.names.includes(n));
  const more = d.names.filter((n) => !d.wanted.includes(n));
  return (
    <>
      <p className="m-0 text-sm" role="status">
        {heard === 0
          ? `None of the servers of ${d.parent || "the root"} has answered.`
          : d.names.length === 0
            ? `${d.parent || "The root"} does not delegate the zone: nobody finds it.`
            : missing.length + more.length === 0
              ? `${d.parent || "The root"} names just these.${d.agree ? "" : " Its servers do not agree yet."}`
              : `${d.parent || "The root"} names others.${d.agree ? "" : " Its servers do not agree, either."}`}
      </p>
      {heard > 0 && missing.length + more.length > 0 && (
        <div className="overflow-hidden rounded-md ring ring-kumo-hairline">
          {missing.map((n) => (
            <div key={n} className="diff-added px-3 py-1 font-mono text-sm">{`+ ${n}`} <span className="font-sans">missing at the parent</span></div>
          ))}
          {more.map((n) => (
            <div key={n} className="diff-removed px-3 py-1 font-mono text-sm">{`− ${n}`} <span className="font-sans">named by the parent, not by the zone</span></div>
          ))}
        </div>
      )}
      {silent.length > 0 && (
        <details className="text-sm">
          <summary>{`${silent.length} of ${d.servers.length} addresses of the parent said nothing`}</summary>
          <ul className="m-0 list-none p-0 pt-1">
            {silent.map((s) => (
              <li key={`${s.server} ${s.address}`} className="break-words">{`${s.server || "This server"} ${s.address}: ${plainError(s.error)}`}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** Why the parent could not be asked, and what to do about it; what the program said is for whoever looks for the cause. */
function NotAsked({ error }: { error: string }) {
  const meaning = plainError(error);
  const cause = meaning !== error ? `This server's resolver does not help: ${meaning}.` : /no name servers are known/.test(error) ? "No servers of a parent are known." : "The way to it was not found.";
  return (
    <div className="text-sm text-kumo-subtle">
      <p className="m-0" role="status">{`The parent could not be asked. ${cause} Compare the names above with those at your registrar, or see to the resolver (--resolver) and look again.`}</p>
      <details className="mt-1">
        <summary className="cursor-pointer">For whoever runs the server</summary>
        <code className="font-mono text-xs break-all">{error}</code>
      </details>
    </div>
  );
}
