/** What a record and a lane of the spool are named by. */
export interface MppsKey {
  readonly route: string;
  readonly upstream: string;
  /** SOP Instance UID of the performed procedure step. */
  readonly uid: string;
}
