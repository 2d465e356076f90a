import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import type { ReactNode } from "react";
import { Notice } from "./notice";

type Frame = { open: boolean; onClose: () => void; title: string; description?: ReactNode; children?: ReactNode };

function DialogFrame(props: Frame & { size?: "base" | "lg" | "xl" }) {
  return (
    <Dialog.Root open={props.open} onOpenChange={(open) => !open && props.onClose()}>
      <Dialog size={props.size ?? "lg"} className="max-h-[90vh] overflow-y-auto p-6">
        <Dialog.Title className="mb-1 text-xl font-semibold">{props.title}</Dialog.Title>
        {props.description !== undefined && (
          <Dialog.Description className="mb-4 text-sm text-kumo-subtle">{props.description}</Dialog.Description>
        )}
        {props.children}
      </Dialog>
    </Dialog.Root>
  );
}

/** A dialog that shows something. */
export function InfoDialog(props: Frame & { size?: "base" | "lg" | "xl" }) {
  return (
    <DialogFrame {...props}>
      {props.children}
      <div className="mt-5 flex justify-end">
        <Button onClick={props.onClose}>Close</Button>
      </div>
    </DialogFrame>
  );
}

/** A dialog with a form. */
export function FormDialog(
  props: Frame & {
    submit: string;
    busy?: boolean;
    error?: Error | null;
    disabled?: boolean;
    destructive?: boolean;
    size?: "base" | "lg" | "xl";
    onSubmit: () => void;
  },
) {
  return (
    <DialogFrame {...props}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          props.onSubmit();
        }}
      >
        <FormError error={props.error} />
        {props.children}
        <div className="mt-1 flex justify-end gap-2">
          <Button type="button" variant="secondary" onClick={props.onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            variant={props.destructive ? "destructive" : "primary"}
            loading={props.busy ?? false}
            disabled={props.disabled}
          >
            {props.submit}
          </Button>
        </div>
      </form>
    </DialogFrame>
  );
}

/** Why a form was refused. */
export function FormError(props: { error?: Error | null }) {
  if (!props.error) return null;
  return (
    <div role="alert">
      <Notice variant="error" description={props.error.message} />
    </div>
  );
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog(props: {
  open: boolean;
  title: string;
  text: ReactNode;
  submit: string;
  busy?: boolean;
  error?: Error | null;
  onClose: () => void;
  onConfirm: () => void;
}) {
  return (
    <FormDialog
      open={props.open}
      onClose={props.onClose}
      title={props.title}
      description={props.text}
      submit={props.submit}
      busy={props.busy}
      error={props.error}
      destructive
      onSubmit={props.onConfirm}
    />
  );
}
