import { Button } from "@cloudflare/kumo/components/button";
import { PencilSimpleIcon, PlusIcon, TrashIcon } from "@phosphor-icons/react";
import type { QueryKey } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useAction } from "../ui/action";
import { Begin } from "../ui/begin";
import { DataTable } from "../ui/data-table";
import { ConfirmDialog } from "../ui/dialogs";
import { readOnlyText, useMay } from "../ui/rights";

type Item = { id: string; name: string };

/** The table of one kind of thing (keys, peers, ACLs): create, edit, delete. */
export function ResourceTable<T extends Item>(props: {
  account: string;
  items: T[];
  noun: string;
  about: string;
  columns: { head: string; cell: (item: T) => ReactNode; /** Its text may be long. */ wraps?: boolean }[];
  stale: QueryKey[];
  remove: (id: string) => Promise<unknown>;
  /** The form for a new one (null), or to edit one. */
  form: (item: T | null, close: () => void) => ReactNode;
  extra?: (item: T) => ReactNode;
  /** Whether one may change them, where that is no right of the account's. */
  may?: boolean;
  /** Said while there are none. */
  empty?: string;
  /** What to do while there are none, in turn. */
  first: readonly ReactNode[];
  /** The zone whose history brings them back; without one they are gone. */
  undoIn?: string;
  /** What follows when one is deleted. */
  follows?: string;
}) {
  const mayAccount = useMay(props.account, "Account Settings Write");
  const may = props.may ?? mayAccount;
  const [editing, setEditing] = useState<T | "new" | null>(null);
  const [removing, setRemoving] = useState<T | null>(null);
  const remove = useAction({
    quiet: true,
    done: `${props.noun} deleted`,
    stale: props.stale,
    undoIn: props.undoIn,
    run: props.remove,
    then: () => setRemoving(null),
  });
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-start justify-between gap-3">
        {props.items.length > 0 ? <p className="m-0 min-w-0 flex-1 basis-80 text-sm text-kumo-subtle">{props.about}</p> : <span />}
        <Button variant="primary" icon={PlusIcon} disabled={!may} title={may ? undefined : readOnlyText} onClick={() => setEditing("new")}>
          {`Create ${props.noun}`}
        </Button>
      </div>
      {props.items.length === 0 ? (
        <Begin title={`No ${props.noun} yet`} about={props.empty ? `${props.empty} ${props.about}` : props.about} steps={props.first} />
      ) : (
        <DataTable
          label={props.noun}
          rows={props.items}
          id={(item) => item.id}
          columns={[
            ...props.columns.map((c, i) => ({ head: c.head, cell: c.cell, named: i > 0, className: c.wraps ? "min-w-40" : "whitespace-nowrap" })),
            {
              head: "Actions",
              className: "actions",
              cell: (item) => (
                <span className="flex items-center gap-2 max-md:flex-wrap">
                  {props.extra?.(item)}
                  <Button shape="square" variant="ghost" icon={PencilSimpleIcon} aria-label={`Edit ${item.name}`} disabled={!may} title={may ? undefined : readOnlyText} onClick={() => setEditing(item)} />
                  <Button shape="square" variant="ghost" icon={TrashIcon} aria-label={`Delete ${item.name}`} disabled={!may} title={may ? undefined : readOnlyText} onClick={() => setRemoving(item)} />
                </span>
              ),
            },
          ]}
        />
      )}
      {editing !== null && props.form(editing === "new" ? null : editing, () => setEditing(null))}
      <ConfirmDialog
        open={removing !== null}
        title={`Delete ${props.noun}`}
        text={`${removing?.name ?? ""} is gone at once${props.undoIn === undefined ? ", and cannot be brought back" : ""}.${props.follows ? ` ${props.follows}` : ""}`}
        submit="Delete"
        busy={remove.busy}
        error={remove.error}
        onClose={() => {
          setRemoving(null);
          remove.reset();
        }}
        onConfirm={() => removing && remove.run(removing.id)}
      />
    </div>
  );
}
