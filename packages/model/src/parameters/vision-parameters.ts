/** The weights of tower and projector, in the order of their use. */
import {
  layerNormSpecs,
  linearSpecs,
  normal,
  RESIDUAL_SCALE,
  zeros,
  type ParameterSpec,
} from "./parameter-spec.js";
import { patchValues, towerTokens, type VisionConfig, type VisionTower } from "../config/vision-config.js";

export const TOWER = "vision.tower";
export const PROJECTOR = "vision.projector";
/** Name of the tower's convolution layers. */
export const CONVOLUTION = `${TOWER}.convolution`;

/** Initial standard deviation of positions and the class token. Source: the code of Dosovitskiy et al. 2021 (arXiv:2010.11929). */
const POSITION_STD = 0.02;

/** As in CLIP, SigLIP and ViT, every linear layer of a tower has a bias. */
const BIASED = { bias: true } as const;

export function towerSpecs(tower: VisionTower): ParameterSpec[] {
  const { width, layers, inputNorm, outputNorm, patchBias, convolution } = tower;
  return [
    ...(tower.patchNorm === true ? layerNormSpecs(`${TOWER}.patchNorm`, patchValues(tower)) : []),
    ...linearSpecs(`${TOWER}.patch`, [width, patchValues(tower)], { bias: patchBias }),
    { name: `${TOWER}.positions`, shape: [towerTokens(tower), width], initialization: normal(POSITION_STD) },
    ...(inputNorm ? layerNormSpecs(`${TOWER}.inputNorm`, width) : []),
    ...(convolution === undefined ? [] : convolutionSpecs(convolution, width)),
    ...Array.from({ length: layers }, (_, layer) => layerSpecs(`${TOWER}.layers.${layer}`, tower)).flat(),
    ...(outputNorm ? layerNormSpecs(`${TOWER}.outputNorm`, width) : []),
  ];
}

/** One matrix for each kernel position. */
function convolutionSpecs(
  { layers, height, width: across }: NonNullable<VisionTower["convolution"]>,
  width: number,
): ParameterSpec[] {
  const places = height * across;
  const initialization = normal(RESIDUAL_SCALE / Math.sqrt(width * places));
  return Array.from({ length: layers }, (_, layer) => {
    const name = `${CONVOLUTION}.layers.${layer}`;
    return [
      ...layerNormSpecs(`${name}.norm`, width),
      ...Array.from({ length: places }, (_unused, place) => {
        return { name: `${name}.${place}.weight`, shape: [width, width], initialization };
      }),
      { name: `${name}.${(places - 1) / 2}.bias`, shape: [width], initialization: zeros },
    ];
  }).flat();
}

function layerSpecs(name: string, { width, feedForward }: VisionTower): ParameterSpec[] {
  const square = [width, width] as const;
  const last = { bias: true, scale: RESIDUAL_SCALE };
  return [
    ...layerNormSpecs(`${name}.attentionNorm`, width),
    ...linearSpecs(`${name}.attention.query`, square, BIASED),
    ...linearSpecs(`${name}.attention.key`, square, BIASED),
    ...linearSpecs(`${name}.attention.value`, square, BIASED),
    ...linearSpecs(`${name}.attention.output`, square, last),
    ...layerNormSpecs(`${name}.feedForwardNorm`, width),
    ...linearSpecs(`${name}.feedForward.up`, [feedForward, width], BIASED),
    ...linearSpecs(`${name}.feedForward.down`, [width, feedForward], last),
  ];
}

/** @param width the model's [elements]. */
export function visionSpecs({ tower, projector }: VisionConfig, width: number): ParameterSpec[] {
  const hidden = projector.hidden ?? width;
  return [
    ...towerSpecs(tower),
    ...linearSpecs(`${PROJECTOR}.first`, [hidden, tower.width], BIASED),
    ...linearSpecs(`${PROJECTOR}.second`, [width, hidden], BIASED),
  ];
}
