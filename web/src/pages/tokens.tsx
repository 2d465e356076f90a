import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { ClipboardText } from "@cloudflare/kumo/components/clipboard-text";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Table } from "@cloudflare/kumo/components/table";
import { ArrowsClockwiseIcon, PlusIcon, TrashIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { tokensQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { ConfirmDialog, InfoDialog } from "../ui/dialogs";
import { ago, moment } from "../ui/format";
import { Loaded, Page, TableFrame } from "../ui/page";
import { AddToken } from "./tokens-add";

type Doing = { what: "roll" | "delete"; token: Schema<"Token"> };

/** The user's API tokens. */
export default function Tokens() {
  const { account } = useParams({ from: "/signed-in/$account/api-tokens" });
  const tokens = useQuery(tokensQuery);
  const [adding, setAdding] = useState(false);
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
        <Button variant="primary" icon={PlusIcon} onClick={() => setAdding(true)}>
          Create Token
        </Button>
      }
    >
      <Loaded query={tokens}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No API tokens yet" description="Create one for each program that works with the API." />
          ) : (
            <TokenTable tokens={list} onDo={setDoing} />
          )
        }
      </Loaded>
      <AddToken account={account} open={adding} onClose={() => setAdding(false)} onMade={setValue} />
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
        <ClipboardText text={value} labels={{ copyAction: "Copy token" }} />
      </InfoDialog>
    </Page>
  );
}

function TokenTable(props: { tokens: Schema<"Token">[]; onDo: (d: Doing) => void }) {
  return (
    <TableFrame label="API tokens">
      <Table>
        <Table.Header>
          <Table.Row>
            <Table.Head>Name</Table.Head>
            <Table.Head>Permissions</Table.Head>
            <Table.Head>Status</Table.Head>
            <Table.Head>Last used</Table.Head>
            <Table.Head>Expires</Table.Head>
            <Table.Head>Actions</Table.Head>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {props.tokens.map((t) => (
            <Table.Row key={t.id}>
              <Table.Cell className="min-w-32 font-medium">{t.name}</Table.Cell>
              <Table.Cell className="min-w-48">
                <Permissions token={t} />
              </Table.Cell>
              <Table.Cell>
                <Badge variant={t.status === "active" ? "success" : "neutral"}>{t.status}</Badge>
              </Table.Cell>
              <Table.Cell className="whitespace-nowrap">{ago(t.last_used_on)}</Table.Cell>
              <Table.Cell className="whitespace-nowrap">{t.expires_on ? moment(t.expires_on) : "Never"}</Table.Cell>
              <Table.Cell>
                <span className="flex items-center gap-1">
                  <Button
                  shape="square"
                  variant="ghost"
                  icon={ArrowsClockwiseIcon}
                  aria-label={`Roll ${t.name}`}
                  onClick={() => props.onDo({ what: "roll", token: t })}
                />
                <Button
                  shape="square"
                  variant="ghost"
                  icon={TrashIcon}
                  aria-label={`Delete ${t.name}`}
                  onClick={() => props.onDo({ what: "delete", token: t })}
                />
                </span>
              </Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </Table>
    </TableFrame>
  );
}

/** The first permissions by name, and how many more there are. */
function Permissions(props: { token: Schema<"Token"> }) {
  const names = props.token.policies.flatMap((p) => p.permission_groups.map((g) => g.name));
  const more = names.length - 3;
  return <span className="text-sm">{names.slice(0, 3).join(", ") + (more > 0 ? ` and ${more} more` : "")}</span>;
}
