import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Empty } from "@cloudflare/kumo/components/empty";
import { ArrowsClockwiseIcon, PencilSimpleIcon, PlusIcon, TrashIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { tokensQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { DataTable } from "../ui/data-table";
import { ConfirmDialog, InfoDialog } from "../ui/dialogs";
import { ago, moment } from "../ui/format";
import { FirstOf } from "../ui/more";
import { Loaded, Page } from "../ui/page";
import { TokenForm } from "../tokens/form";
import { rangesOf, tryOut } from "../tokens/policies";
import { Copyables } from "../ui/copyable";

type Doing = { what: "roll" | "delete"; token: Schema<"Token"> };

/** The user's API tokens. */
export default function Tokens() {
  const { account } = useParams({ from: "/signed-in/$account/api-tokens" });
  const tokens = useQuery(tokensQuery);
  const [editing, setEditing] = useState<Schema<"Token"> | "new" | null>(null);
  const [doing, setDoing] = useState<Doing | null>(null);
  const [value, setValue] = useState("");
  const [along, setAlong] = useState(false);
  const made = tokens.data?.filter((t) => t.made_by?.token_id === doing?.token.id) ?? [];
  const act = useAction({
    quiet: true,
    stale: [["tokens"]],
    run: async ({ what, token }: Doing) => {
      const path = { token_id: token.id };
      const params = { params: { path } };
      if (what === "roll") return result(api.PUT("/client/v4/user/tokens/{token_id}/value", { ...params, body: {} }));
      await result(api.DELETE("/client/v4/user/tokens/{token_id}", { params: { path, query: along ? { made: "delete" } : {} } }));
      return "";
    },
    then: (made) => {
      setDoing(null);
      setAlong(false);
      setValue(made);
    },
  });
  return (
    <Page
      title="API Tokens"
      description="Each token opens just what its permissions name."
      actions={
        <Button variant="primary" icon={PlusIcon} onClick={() => setEditing("new")}>
          Create Token
        </Button>
      }
    >
      <Loaded query={tokens}>
        {(list) =>
          list.length === 0 ? (
            <Empty size="sm" title="No API tokens yet" description="Create one for each program that works with the API: it can then be taken away alone." />
          ) : (
            <TokenTable tokens={list} onDo={setDoing} onEdit={setEditing} />
          )
        }
      </Loaded>
      {editing !== null && <TokenForm account={account} token={editing === "new" ? null : editing} onClose={() => setEditing(null)} onMade={setValue} />}
      <ConfirmDialog
        open={doing !== null}
        title={doing?.what === "roll" ? "Roll token" : "Delete token"}
        text={`Programs that use the present value of ${doing?.token.name ?? ""} are refused from then on.`}
        submit={doing?.what === "roll" ? "Roll" : "Delete"}
        busy={act.busy}
        error={act.error}
        onClose={() => setDoing(null)}
        onConfirm={() => doing && act.run(doing)}
      >
        {doing?.what === "delete" && made.length > 0 && (
          <Checkbox label={`Delete what it has made, too: ${made.map((t) => t.name).join(", ")}`} checked={along} onCheckedChange={setAlong} />
        )}
      </ConfirmDialog>
      <InfoDialog open={value !== ""} onClose={() => setValue("")} title="Your API token" description="Copy it now: it is shown once.">
        <Copyables
          items={[
            ["Token", value],
            ["To try it", tryOut(window.location.origin).replace("$TOKEN", value)],
          ]}
        />
      </InfoDialog>
    </Page>
  );
}

function TokenTable(props: { tokens: Schema<"Token">[]; onDo: (d: Doing) => void; onEdit: (t: Schema<"Token">) => void }) {
  return (
    <DataTable
      label="API tokens"
      rows={props.tokens}
      id={(t) => t.id}
      columns={[
        { head: "Name", className: "min-w-32 font-medium", cell: (t) => t.name },
        {
          head: "Permissions",
          className: "min-w-48",
          cell: (t) => (
            <>
              <Permissions token={t} />
              <From token={t} />
            </>
          ),
        },
        { head: "Status", cell: (t) => <Badge variant={t.status === "active" ? "success" : "neutral"}>{t.status}</Badge> },
        { head: "Last used", named: true, className: "whitespace-nowrap", cell: (t) => ago(t.last_used_on) },
        { head: "Expires", named: true, className: "whitespace-nowrap", cell: (t) => (t.expires_on ? moment(t.expires_on) : "Never") },
        {
          head: "Actions",
          className: "actions",
          cell: (t) => (
            <span className="flex items-center gap-2">
              <Button shape="square" variant="ghost" icon={PencilSimpleIcon} aria-label={`Edit ${t.name}`} onClick={() => props.onEdit(t)} />
              <Button shape="square" variant="ghost" icon={ArrowsClockwiseIcon} aria-label={`Roll ${t.name}`} onClick={() => props.onDo({ what: "roll", token: t })} />
              <Button shape="square" variant="ghost" icon={TrashIcon} aria-label={`Delete ${t.name}`} onClick={() => props.onDo({ what: "delete", token: t })} />
            </span>
          ),
        },
      ]}
    />
  );
}

/** From where it works, if not from everywhere. */
function From(props: { token: Schema<"Token"> }) {
  const [of, not] = [rangesOf(props.token.condition, "in"), rangesOf(props.token.condition, "not_in")];
  if (of === "" && not === "") return null;
  return <span className="block font-mono text-xs break-all text-kumo-subtle">{[of && `from ${of}`, not && `never from ${not}`].filter(Boolean).join(", ")}</span>;
}

/** What it opens. */
function Permissions(props: { token: Schema<"Token"> }) {
  const names = [...new Set(props.token.policies.flatMap((p) => p.permission_groups.map((g) => g.name)))];
  return (
    <div className="text-sm">
      <FirstOf names={names} most={3} noun={names.length === 4 ? "permission" : "permissions"} />
    </div>
  );
}
