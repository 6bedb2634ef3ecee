/** `dimseway spool …` and `dimseway store …`: what an operator does with what the gateway keeps. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { SPOOL_STATES } from '../store/spool-records.ts';
import { toCount, toUid, withConfig } from './options.ts';
import type { DiscardOptions, ExportOptions, ListOptions, RetryOptions, ShowOptions } from './spool.ts';

const ID = ['<id>', 'number of the message, as in the list', toCount] as const;
const WHERE =
  '\nThe gateway that runs is asked, at the console of the configuration. Where none answers, the store itself is opened.';

/** @param end takes the exit status */
export function addSpoolCommands(program: Command, end: (status: number) => void): void {
  const spool = program
    .command('spool')
    .description('see what waits to be delivered, try it again, discard it or take it along')
    .addHelpText('after', WHERE);

  withFilters(withJson(withConfig(spool.command('list').description('destinations with their depth, then messages'))))
    .option('--limit <n>', 'at most so many messages (100)', toCount)
    .option('--after <id>', 'only messages after this one', toCount)
    .action(async (options: ListOptions) => {
      const { list } = await import('./spool.ts');
      end(await list(options));
    });

  withJson(withConfig(spool.command('show').description('one message')))
    .argument(...ID)
    .option('--dataset', 'with the data set as it was received, which is patient data; the log says who looked', false)
    .action(async (id: number, options: Omit<ShowOptions, 'id'>) => {
      const { show } = await import('./spool.ts');
      end(await show({ ...options, id }));
    });

  withFilters(
    withJson(withConfig(spool.command('retry').description('try a message again at once, or a whole destination'))),
    ['route', 'upstream', 'state'],
  )
    .argument('[id]', ID[1], toCount)
    .action(async (id: number | undefined, options: Omit<RetryOptions, 'id'>, command: Command) => {
      const { route, upstream, state } = options;
      const isWhole = route !== undefined && upstream !== undefined;
      const isNone = (route ?? upstream ?? state) === undefined;
      if (id === undefined ? !isWhole : !isNone) command.error('error: give either <id>, or --route and --upstream');
      const { retry } = await import('./spool.ts');
      end(await retry({ ...options, ...(id !== undefined && { id }) }));
    });

  withJson(withConfig(spool.command('discard').description('remove a message for good; what is behind it goes on')))
    .argument(...ID)
    .requiredOption('--reason <text>', 'why; it goes into the log, so without the name of a patient')
    .action(async (id: number, options: Omit<DiscardOptions, 'id'>) => {
      const { discard } = await import('./spool.ts');
      end(await discard({ ...options, id }));
    });

  withFilters(
    withConfig(spool.command('export').description('messages with their data sets (patient data), one JSON a line')),
  )
    .option('--output <file>', 'a new file, readable by its owner only, instead of stdout')
    .action(async (options: ExportOptions) => {
      const { exportMessages } = await import('./spool.ts');
      end(await exportMessages(options));
    });

  const store = program.command('store').description('look after the store').addHelpText('after', WHERE);
  withConfig(store.command('backup').description('copy the store while the gateway works'))
    .argument('<file>', 'a new file on the machine of the gateway')
    .action(async (file: string, options: { config: string }) => {
      const { backup } = await import('./store.ts');
      end(await backup({ ...options, file }));
    });
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON', false);
}

type Filter = 'route' | 'upstream' | 'uid' | 'state';

function withFilters(command: Command, filters: readonly Filter[] = ['route', 'upstream', 'uid', 'state']): Command {
  const options: Readonly<Record<Filter, Option>> = {
    route: new Option('--route <name>', 'of this route'),
    upstream: new Option('--upstream <name>', 'for this upstream'),
    uid: new Option('--uid <uid>', 'of this performed procedure step').argParser(toUid),
    state: new Option('--state <state>', 'in this state').choices(SPOOL_STATES),
  };
  for (const filter of filters) command.addOption(options[filter]);
  return command;
}
