/** Parses the command line and runs one command. Returns the exit status. */
export async function run(_argv: readonly string[]): Promise<number> {
  return 2;
}
