/** `dimseway mpps …`: what a modality does, towards any upstream. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { CreateOptions, FinishOptions, GetOptions, UpdateOptions } from './mpps.ts';
import { toList, toUid, withConfig } from './options.ts';

const UPSTREAM = ['<upstream>', 'name of the upstream in the configuration'] as const;
const UID = ['<uid>', 'SOP Instance UID of the step', toUid] as const;
const DATASET = ['--dataset <file>', 'attributes: DICOM JSON or XML, or a DICOM file'] as const;

type Given<T> = Omit<T, 'upstream' | 'uid'>;

/** @param end takes the exit status */
export function addMppsCommands(program: Command, end: (status: number) => void): void {
  const mpps = program.command('mpps').description('create, update, finish or read a performed procedure step');

  withConfig(
    mpps.command('create').description('create a step IN PROGRESS, from a file or from the worklist; prints its UID'),
  )
    .argument(...UPSTREAM)
    .option('--uid <uid>', 'SOP Instance UID; that of the file, or a new one, by default', toUid)
    .option(...DATASET)
    .addOption(
      new Option(
        '--from <keys...>',
        'worklist entries by KEY=VALUE, as of find; several become one step (group case)',
      ).conflicts('dataset'),
    )
    .option('--worklist <upstream>', 'with --from: another upstream to search')
    .option('--station <title>', 'with --from: station AE title, instead of the scheduled one')
    .option('--modality <modality>', 'with --from: modality, instead of the scheduled one')
    .option('--study <uid>', 'with --from: one Study Instance UID for the whole group', toUid)
    .action(async (upstream: string, options: Omit<CreateOptions, 'upstream'>, command: Command) => {
      if ((options.dataset ?? options.from) === undefined) {
        command.error('error: give --dataset <file> or --from <keys...>');
      }
      const other = (['worklist', 'station', 'modality', 'study'] as const).find((key) => options[key] !== undefined);
      if (options.from === undefined && other !== undefined) command.error(`error: --${other} goes with --from`);
      const { create } = await import('./mpps.ts');
      end(await create({ ...options, upstream }));
    });

  withConfig(mpps.command('update').description('set attributes of a step; sequences are replaced whole'))
    .argument(...UPSTREAM)
    .argument(...UID)
    .requiredOption(...DATASET)
    .action(async (upstream: string, uid: string, options: Given<UpdateOptions>) => {
      const { update } = await import('./mpps.ts');
      end(await update({ ...options, upstream, uid }));
    });

  finishing(mpps.command('complete').description('end a step as COMPLETED')).action(
    async (upstream: string, uid: string, options: Given<FinishOptions>) => {
      const { complete } = await import('./mpps.ts');
      end(await complete({ ...options, upstream, uid }));
    },
  );

  finishing(mpps.command('discontinue').description('end a step as DISCONTINUED'))
    .option('--reason <code>', 'CODE^SCHEME^MEANING, e.g. "110513^DCM^Discontinued for unspecified reason"')
    .action(async (upstream: string, uid: string, options: Given<FinishOptions>) => {
      const { discontinue } = await import('./mpps.ts');
      end(await discontinue({ ...options, upstream, uid }));
    });

  withConfig(mpps.command('get').description('read a step'))
    .argument(...UPSTREAM)
    .argument(...UID)
    .option('--include <keys>', 'only these attributes, separated by commas', toList, [])
    .option('--json', 'print DICOM JSON', false)
    .action(async (upstream: string, uid: string, options: Given<GetOptions>) => {
      const { get } = await import('./mpps.ts');
      end(await get({ ...options, upstream, uid }));
    });
}

function finishing(command: Command): Command {
  return withConfig(command)
    .argument(...UPSTREAM)
    .argument(...UID)
    .option(DATASET[0], `${DATASET[1]}: the series, and whatever else`)
    .option('--end <moment...>', 'end date and time, e.g. 20250102 101500; that of the file, or now, by default')
    .option('--empty-series', 'without series in the file: send one without images, whatever was set before', false)
    .option('--protocol <name>', 'protocol name of a series without images', 'UNKNOWN')
    .addHelpText(
      'after',
      '\nA final state needs at least one series (PS3.4 F.7.2). Where the file has none, the upstream is asked for those ' +
        'of the step,\nand only if there are none yet one without images is sent, with a new Series Instance UID.',
    );
}
