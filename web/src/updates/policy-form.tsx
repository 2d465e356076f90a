import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { PlusIcon, TrashIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { ApiError, type Schema } from "../api/client";
import { tsigsQuery } from "../api/queries";
import { createUpdatePolicy, editUpdatePolicy, readUpdatePolicy, type UpdateName, type UpdatePolicy, type UpdatePolicyBody } from "../api/updates";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { sidesOf, TwoStates } from "../ui/conflict";
import { FormDialog, InfoDialog } from "../ui/dialogs";
import { Loaded, Waiting } from "../ui/page";
import { bodyOf, changesOf, inWords } from "./edit";
import { guarded, matches, templates, type Draft } from "./words";

type Props = { account: string; zone: Schema<"Zone">; item: UpdatePolicy | null; onClose: () => void };

const title = (item: UpdatePolicy | null) => (item ? "Edit update policy" : "Create update policy");

/** The form of a policy, once it is known which keys there are. */
export function PolicyForm(props: Props) {
  const keys = useQuery(tsigsQuery(props.account));
  const at = `/${props.account}/configurations/dns-zone-transfers?tab=tsig`;
  if (keys.data === undefined || (keys.data.length === 0 && props.item === null)) {
    return (
      <InfoDialog open title={title(props.item)} onClose={props.onClose}>
        <Loaded query={keys} waiting={<Waiting />}>
          {() => (
            <p className="m-0 text-sm">
              Updates are signed, and this account has no key yet. Make one under <Link href={at}>TSIG</Link>.
            </p>
          )}
        </Loaded>
      </InfoDialog>
    );
  }
  return <Form {...props} keys={keys.data} />;
}

/** The policy is not any more what was seen (412). */
const changed = 13133;
const isStale = (e: Error | null) => e instanceof ApiError && e.has(changed);

/** What an edit starts from: what was seen when the form opened, and the version that it is known to go over. */
type Ground = { seen: UpdatePolicy; over: UpdatePolicy };

type Row = UpdateName & { row: number };

const modes = { only: "Only these", but: "All but these" } as const;

/** Types as people write them, between blanks or commas. */
const words = (text: string) => text.split(/[\s,]+/).filter((t) => t !== "").map((t) => t.toUpperCase());

function Form({ zone, item, keys, onClose }: Props & { keys: Schema<"TSIG">[] }) {
  const [tsig, setTSIG] = useState(item?.tsig_id ?? keys[0]?.id ?? "");
  const count = useRef(0);
  const rowsOf = (names: UpdateName[]): Row[] => names.map((n) => ({ ...n, row: count.current++ }));
  const [rows, setRows] = useState<Row[]>(() => rowsOf(item?.names ?? [{ match: "exact", name: "" }]));
  const [mode, setMode] = useState<keyof typeof modes>(item?.types === null ? "but" : "only");
  const [types, setTypes] = useState((item?.types ?? item?.types_except ?? []).join(" "));
  const [comment, setComment] = useState(item?.comment ?? "");
  const [ground, setGround] = useState<Ground | null>(item && { seen: item, over: item });
  const more = useRef<HTMLButtonElement>(null);
  const take = (d: Draft) => {
    setRows(rowsOf(d.names));
    setMode(d.types === null ? "but" : "only");
    setTypes((d.types ?? []).join(" "));
  };
  const edit = (row: number, change: Partial<UpdateName>) => setRows((all) => all.map((n) => (n.row === row ? { ...n, ...change } : n)));
  const list = words(types);
  const body: UpdatePolicyBody = {
    tsig_id: tsig,
    names: rows.map(({ match, name }) => (match === "self" ? { match } : { match, name: name?.trim() })),
    ...(mode === "only" ? { types: list } : { types: null, types_except: list }),
    comment,
  };
  const save = useAction({
    quiet: true,
    done: "Update policy saved",
    undoIn: zone.id,
    stale: [["update-policies", zone.id]],
    run: (g: Ground | null) => (g === null ? createUpdatePolicy(zone.id, body) : editUpdatePolicy(zone.id, g.over, changesOf(bodyOf(g.seen), body))),
    then: onClose,
  });
  const begin = (p: UpdatePolicy) => {
    setGround({ seen: p, over: p });
    setTSIG(p.tsig_id);
    setRows(rowsOf(p.names));
    setMode(p.types === null ? "but" : "only");
    setTypes((p.types ?? p.types_except).join(" "));
    setComment(p.comment);
    save.reset();
  };
  const part = mode === "only" ? "/types" : "/types_except";
  return (
    <FormDialog
      open
      onClose={onClose}
      title={title(item)}
      description="Lets one key change some records of this zone by messages (RFC 2136). Several policies of one key add up."
      submit="Save"
      busy={save.busy}
      error={isStale(save.error) ? null : save.error}
      onSubmit={() => save.run(ground)}
    >
      {ground && isStale(save.error) && (
        <Conflict
          zone={zone.id}
          ground={ground}
          mine={body}
          keys={keys}
          onMine={(theirs) => {
            const next = { seen: ground.seen, over: theirs };
            setGround(next);
            save.run(next);
          }}
          onTheirs={begin}
        />
      )}
      {item === null && (
        <div role="group" aria-label="Templates" className="flex flex-wrap items-center gap-2">
          <span className="text-sm text-kumo-subtle">For:</span>
          {templates(zone.name).map(([label, draft]) => (
            <Button key={label} type="button" size="sm" onClick={() => take(draft)}>
              {label}
            </Button>
          ))}
        </div>
      )}
      <Choice label="Key" value={tsig} options={keys.map((k) => [k.id, k.name] as const)} error={save.at("/tsig_id")} onChange={setTSIG} />
      <fieldset className="m-0 flex flex-col gap-3 border-0 p-0">
        <legend className="mb-2 p-0 text-base font-medium">Names</legend>
        {rows.map((n, i) => (
          <div key={n.row} className="grid grid-cols-[1fr_auto] items-start gap-x-3 gap-y-2 sm:grid-cols-[13rem_1fr_auto]">
            <div className="max-sm:col-span-full">
              <Choice
                hideLabel
                label={`Match of name ${i + 1}`}
                value={n.match}
                options={Object.entries(matches).map(([m, [label]]) => [m as UpdateName["match"], label] as const)}
                error={save.at(`/names/${i}/match`)}
                description={matches[n.match][1]}
                onChange={(match) => edit(n.row, { match })}
              />
            </div>
            {n.match === "self" ? (
              <span />
            ) : (
              <Input
                aria-label={`Name ${i + 1}`}
                // A name that was asked for is what one writes next.
                autoFocus={n.row > 0 && n.name === ""}
                autoComplete="off"
                spellCheck={false}
                required
                placeholder={n.match === "wildcard" ? "_acme-challenge.*" : `www.${zone.name}`}
                value={n.name ?? ""}
                error={save.at(`/names/${i}/name`)}
                onChange={(e) => edit(n.row, { name: e.target.value })}
              />
            )}
            <Button
              type="button"
              shape="square"
              variant="ghost"
              icon={TrashIcon}
              aria-label={`Remove name ${i + 1}`}
              disabled={rows.length === 1}
              onClick={() => {
                setRows((all) => all.filter((x) => x.row !== n.row));
                more.current?.focus();
              }}
            />
          </div>
        ))}
        {save.at("/names") && <p className="m-0 text-sm text-kumo-danger">{save.at("/names")}</p>}
        <div>
          <Button ref={more} type="button" size="sm" icon={PlusIcon} disabled={rows.length >= 20} onClick={() => setRows((all) => [...all, ...rowsOf([{ match: "exact", name: "" }])])}>
            Add a name
          </Button>
        </div>
      </fieldset>
      <div className="grid items-start gap-3 sm:grid-cols-[13rem_1fr]">
        <Choice label="Types" value={mode} options={Object.entries(modes) as [keyof typeof modes, string][]} onChange={setMode} />
        <Input
          label={mode === "only" ? "Types that may be changed" : "Types that may not (optional)"}
          placeholder={mode === "only" ? "A AAAA TXT" : "CNAME"}
          description={mode === "only" ? "Separated by blanks." : `Separated by blanks. ${guarded} are never among the others: they have to be named by “${modes.only}”.`}
          autoComplete="off"
          spellCheck={false}
          required={mode === "only"}
          value={types}
          error={save.at(part) ?? list.map((_, i) => save.at(`${part}/${i}`)).find(Boolean)}
          onChange={(e) => setTypes(e.target.value)}
        />
      </div>
      <Input label="Comment (optional)" maxLength={100} value={comment} error={save.at("/comment")} onChange={(e) => setComment(e.target.value)} />
    </FormDialog>
  );
}

/** What somebody else has made of the policy meanwhile, and what was typed. */
function Conflict(props: { zone: string; ground: Ground; mine: UpdatePolicyBody; keys: Schema<"TSIG">[]; onMine: (theirs: UpdatePolicy) => void; onTheirs: (theirs: UpdatePolicy) => void }) {
  const { ground, keys } = props;
  const seen = bodyOf(ground.seen);
  const newest = useQuery({ queryKey: ["update-policy-now", ground.seen.id], gcTime: 0, queryFn: () => readUpdatePolicy(props.zone, ground.seen.id) });
  return (
    <Loaded query={newest}>
      {(theirs) => (
        <TwoStates
          noun="update policy"
          sides={sidesOf(inWords(changesOf(seen, props.mine), keys), inWords(changesOf(seen, bodyOf(theirs)), keys), {})}
          onMine={() => props.onMine(theirs)}
          onTheirs={() => props.onTheirs(theirs)}
        />
      )}
    </Loaded>
  );
}
