import { Input, InputArea } from "@cloudflare/kumo/components/input";
import type { Schema } from "../api/client";
import { Choice } from "../ui/choice";
import { FileDrop } from "../ui/file-drop";

type Transport = Omit<Schema<"PeerTransportOf">, "peer_id">;

/** What a peer has that nothing was said of. */
export const unset: Transport = {
  transport: "any",
  client_keys: [],
  client_names: [],
  authority: "",
  dnssec: "signed",
  notify: { transport: "clear", port: null, verify: "strict", server_name: "", server_keys: [], sources: [] },
};

/** What a peer's transfers and NOTIFYs go by, as a form holds it. */
export type TransportDraft = {
  transport: Transport["transport"];
  clientKeys: string;
  clientNames: string;
  authority: string;
  notify: "clear" | "tls";
  port: string;
  verify: "strict" | "opportunistic";
  serverName: string;
  serverKeys: string;
  sources: string;
};

/** Values of a text with one a line. */
const linesOf = (text: string): string[] => text.split(/[\s,]+/).filter((k) => k !== "");

export const draftOf = (t: Transport): TransportDraft => ({
  transport: t.transport,
  clientKeys: t.client_keys.join("\n"),
  clientNames: t.client_names.join("\n"),
  authority: t.authority,
  notify: t.notify.transport ?? "clear",
  port: t.notify.port ? String(t.notify.port) : "",
  verify: t.notify.verify ?? "strict",
  serverName: t.notify.server_name ?? "",
  serverKeys: (t.notify.server_keys ?? []).join("\n"),
  sources: (t.notify.sources ?? []).join("\n"),
});

/** All that a draft says. What is no number is 0, which is refused: null would be the usual port. */
function said(d: TransportDraft) {
  const tls = d.transport === "tls";
  return {
    transport: d.transport,
    client_keys: tls ? linesOf(d.clientKeys) : [],
    client_names: tls ? linesOf(d.clientNames) : [],
    authority: d.authority.trim() === "" ? "" : d.authority,
    notify: {
      transport: d.notify,
      port: d.port.trim() === "" ? null : Number(d.port) || 0,
      verify: d.verify,
      server_name: d.serverName.trim(),
      server_keys: linesOf(d.serverKeys),
      sources: linesOf(d.sources),
    },
  };
}

const differs = <T extends object>(now: T, before: T) => Object.fromEntries(Object.entries(now).filter(([m, v]) => JSON.stringify(v) !== JSON.stringify(before[m as keyof T]))) as Partial<T>;

/** What a draft changes of what was seen, and nothing else: what somebody else changes meanwhile stays. Null where that is nothing. */
export function changesOf(d: TransportDraft, seen: Transport): Partial<Schema<"PeerTransport">> | null {
  const before = said(draftOf(seen));
  const now = said(d);
  const { notify: _, ...changed } = differs(now, before);
  const notify = differs(now.notify, before.notify);
  // The two are one: a request that leaves the keys out takes them away.
  const ways = (changed.transport ?? changed.client_keys) ? { transport: now.transport, client_keys: now.client_keys } : {};
  const out = { ...changed, ...ways, ...(Object.keys(notify).length > 0 && { notify }) };
  return Object.keys(out).length === 0 ? null : out;
}

const words = {
  any: "Zones may be transferred to it in clear, by TCP, as well as by TLS.",
  tls: "Zones go to its address by TLS alone: what comes in clear is refused, even where an ACL lets the address in.",
  clear: "It is told of changes by a datagram to its address and port.",
  byTLS: "It is told of changes by TLS, to a port of its own.",
  strict: "Its certificate must have the name, and one of the keys, of which at least one is given.",
  opportunistic: "Whoever is there will do, and where TLS does not come about it is told in clear.",
};

type Props = { value: TransportDraft; error: (pointer: string) => string | undefined; onChange: (change: Partial<TransportDraft>) => void };

/** One or more values, one a line, with what is wrong with any of them. */
function Lines(props: { label: string; description: string; mono?: boolean; value: string; at: string; error: Props["error"]; onChange: (v: string) => void }) {
  return (
    <InputArea
      label={`${props.label}, one a line (optional)`}
      description={props.description}
      className={props.mono ? "font-mono" : undefined}
      rows={2}
      spellCheck={false}
      value={props.value}
      error={props.error(props.at) ?? linesOf(props.value).map((_, i) => props.error(`${props.at}/${i}`)).find(Boolean)}
      onChange={(e) => props.onChange(e.target.value)}
    />
  );
}

/** What transfers to a peer may come by, how it is told of changes, and by what each side knows the other. */
export function TransportFields({ value: v, error, onChange: set }: Props) {
  return (
    <>
      <Choice
        label="Transport"
        value={v.transport}
        options={[["any", "Any"], ["tls", "TLS alone"]]}
        description={words[v.transport]}
        error={error("/transport")}
        onChange={(transport) => set({ transport })}
      />
      {v.transport === "tls" && (
        <>
          <Lines
            label="Client keys"
            mono
            description="With any, it must also show a certificate of its own with one of these keys: SHA-256 digests in base64, as headwater cert pin tells them."
            value={v.clientKeys}
            at="/client_keys"
            error={error}
            onChange={(clientKeys) => set({ clientKeys })}
          />
          <Lines
            label="Client names"
            description="With any, it must also show a certificate that has one of these names or addresses and is signed under the authority below."
            value={v.clientNames}
            at="/client_names"
            error={error}
            onChange={(clientNames) => set({ clientNames })}
          />
        </>
      )}
      <Choice
        label="NOTIFY by"
        value={v.notify}
        options={[["clear", "Clear"], ["tls", "TLS"]]}
        description={v.notify === "tls" ? words.byTLS : words.clear}
        error={error("/notify/transport")}
        onChange={(notify) => set({ notify })}
      />
      {v.notify === "tls" && <NotifyFields value={v} error={error} onChange={set} />}
      <Lines
        label="NOTIFY from"
        mono
        description="Addresses of this server that it is told from, one of a family; without one, from the server's."
        value={v.sources}
        at="/notify/sources"
        error={error}
        onChange={(sources) => set({ sources })}
      />
      {(v.transport === "tls" || v.notify === "tls") && <Authority value={v} error={error} onChange={set} />}
    </>
  );
}

function NotifyFields({ value: v, error, onChange: set }: Props) {
  return (
    <>
      <div className="grid items-start gap-4 sm:grid-cols-[1fr_2fr]">
        <Input label="Port of TLS (optional)" inputMode="numeric" placeholder="853" value={v.port} error={error("/notify/port")} onChange={(e) => set({ port: e.target.value })} />
        <Choice
          label="Verify"
          value={v.verify}
          options={[["strict", "Strict"], ["opportunistic", "Opportunistic"]]}
          description={words[v.verify]}
          error={error("/notify/verify")}
          onChange={(verify) => set({ verify })}
        />
      </div>
      <Input
        label="Server name (optional)"
        description="A name or address in its certificate, signed under the authority below or, without one, under any that the system trusts."
        placeholder="secondary.example"
        autoComplete="off"
        value={v.serverName}
        error={error("/notify/server_name")}
        onChange={(e) => set({ serverName: e.target.value })}
      />
      <Lines
        label="Server keys"
        mono
        description="With any, its certificate must have one of these keys; who signed it does not matter then."
        value={v.serverKeys}
        at="/notify/server_keys"
        error={error}
        onChange={(serverKeys) => set({ serverKeys })}
      />
    </>
  );
}

function Authority({ value: v, error, onChange: set }: Props) {
  return (
    <div className="flex flex-col gap-2">
      <InputArea
        label="Authority (CA), in PEM (optional)"
        description="Certificates that those of the peer are signed by."
        placeholder="-----BEGIN CERTIFICATE-----"
        className="font-mono text-xs"
        rows={3}
        spellCheck={false}
        value={v.authority}
        error={error("/authority")}
        onChange={(e) => set({ authority: e.target.value })}
      />
      <FileDrop label="Or its file" file={null} onFile={(f) => void f?.text().then((authority) => set({ authority }))} />
    </div>
  );
}
