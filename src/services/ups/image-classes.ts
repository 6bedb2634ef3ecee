/** Which composite instances are images: an MPPS refers to them apart from the others (PS3.4 F.7.2-1, PS3.6 A). */

const STORAGE = '1.2.840.10008.5.1.4.1.1.';

/**
 * Storage SOP Classes without an image, by what follows the root: waveforms, presentation states, spectra, raw data,
 * registrations, surfaces, measurements, reports, documents, plans. RT Dose counts as one of RT, not as an image.
 */
const NO_IMAGE =
  /^(?:4\.2|9(?:\.\d+)+|11(?:\.\d+)+|66(?:\.[12356])?|67|68\.\d+|78\.\d+|79\.1|80\.1|88\.\d+|90\.1|104\.\d+|129|131|20[0-9]\.\d+|481\.(?!1$)\d+)$/;

export function isImageClass(sopClassUid: string): boolean {
  return sopClassUid.startsWith(STORAGE) && !NO_IMAGE.test(sopClassUid.slice(STORAGE.length));
}
