/** `dimseway commit …`: storage commitment, straight to an upstream, and what the gateway has of it. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { COMMITMENT_PHASES } from '../store/commitment-records.ts';
import type { RequestOptions, StatusOptions } from './commit.ts';
import type { DiscardOptions, ListOptions, OneOptions } from './commitments.ts';
import { toCount, toUid, toWaitMs, withConfig } from './options.ts';

const UPSTREAM = ['<upstream>', 'name of the upstream in the configuration'] as const;
const INSTANCES = ['[instances...]', 'CLASS=INSTANCE: SOP Class UID and SOP Instance UID of each'] as const;
const DATASET = 'instead: a request module or the data set of an N-ACTION; DICOM JSON or XML, or a DICOM file';
const ID = ['<id>', 'number of the storage commitment, as in the list', toCount] as const;
const WHERE =
  '\nlist, show, retry and discard ask the gateway that runs, at the console of the configuration. Where none answers, the ' +
  'store itself is opened.';

/** @param end takes the exit status */
export function addCommitCommands(program: Command, end: (status: number) => void): void {
  const commit = program
    .command('commit')
    .description('ask an archive whether it keeps instances, and see what the gateway has asked')
    .addHelpText('after', WHERE);

  withJson(
    withConfig(commit.command('request').description('ask an upstream to commit; 0 only if it commits them all')),
  )
    .argument(...UPSTREAM)
    .argument(...INSTANCES)
    .option('--dataset <file>', DATASET)
    .option('--uid <uid>', 'Transaction UID; that of the file, or a new one, by default', toUid)
    .option('--wait <duration>', 'how long the result is waited for', toWaitMs, toWaitMs('30s'))
    .action(async (upstream: string, instances: string[], options: Given<RequestOptions>, command: Command) => {
      checkInstances(instances, options, command, true);
      const { request } = await import('./commit.ts');
      end(await request({ ...options, upstream, instances }));
    });

  withJson(withConfig(commit.command('status').description('ask an origin server once for the result')))
    .argument(...UPSTREAM)
    .argument('<uid>', 'Transaction UID', toUid)
    .argument(...INSTANCES)
    .option('--dataset <file>', DATASET)
    .addHelpText('after', '\nWith the instances of the request it is also seen whether the archive has left one out.')
    .action(
      async (
        upstream: string,
        uid: string,
        instances: string[],
        options: Omit<Given<StatusOptions>, 'uid'>,
        command: Command,
      ) => {
        checkInstances(instances, options, command, false);
        const { status } = await import('./commit.ts');
        end(await status({ ...options, upstream, uid, instances }));
      },
    );

  withJson(withConfig(commit.command('list').description('what the gateway has asked, and how far it is')))
    .option('--route <name>', 'of this route')
    .addOption(new Option('--phase <phase>', 'in this phase').choices(COMMITMENT_PHASES))
    .option('--uid <uid>', 'of this Transaction UID', toUid)
    .option('--limit <n>', 'at most so many (100)', toCount)
    .option('--after <id>', 'only those after this one', toCount)
    .action(async (options: ListOptions) => {
      const { list } = await import('./commitments.ts');
      end(await list(options));
    });

  withJson(withConfig(commit.command('show').description('one storage commitment with its instances')))
    .argument(...ID)
    .action(async (id: number, options: Omit<OneOptions, 'id'>) => {
      const { show } = await import('./commitments.ts');
      end(await show({ ...options, id }));
    });

  withJson(withConfig(commit.command('retry').description('do at once what is to be done next: ask, check or report')))
    .argument(...ID)
    .action(async (id: number, options: Omit<OneOptions, 'id'>) => {
      const { retry } = await import('./commitments.ts');
      end(await retry({ ...options, id }));
    });

  withJson(withConfig(commit.command('discard').description('give up: nothing that has no result becomes committed')))
    .argument(...ID)
    .requiredOption('--reason <text>', 'why; it goes into the log, so without the name of a patient')
    .action(async (id: number, options: Omit<DiscardOptions, 'id'>) => {
      const { discard } = await import('./commitments.ts');
      end(await discard({ ...options, id }));
    });
}

type Given<Options> = Omit<Options, 'upstream' | 'instances'>;

function checkInstances(
  instances: readonly string[],
  { dataset }: { readonly dataset?: string },
  command: Command,
  areNeeded: boolean,
): void {
  const isNone = instances.length === 0 && dataset === undefined;
  const isBoth = instances.length > 0 && dataset !== undefined;
  if (isBoth || (areNeeded && isNone)) command.error('error: give either instances or --dataset <file>');
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON', false);
}
