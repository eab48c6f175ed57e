import {
  ICE_LAKE,
  type Profile,
  SKYLAKE_CLIENT,
  SKYLAKE_SERVER,
  TEACHING,
  ZEN_2,
  ZEN_4,
} from '@hotpath/hw-x86/model';

/** Profiles of processors by the names that the command line takes. */
export const MACHINES: Readonly<Record<string, Profile>> = Object.fromEntries(
  [SKYLAKE_CLIENT, SKYLAKE_SERVER, ICE_LAKE, ZEN_2, ZEN_4, TEACHING].map((p) => [p.name, p]),
);
