/** Words for lines, written for this purpose. */

export const NOUNS = (
  "apple anchor arrow autumn bakery balcony basket battery beacon bicycle blanket bottle branch bridge bucket button cabin " +
  "camera candle canvas carpet castle cellar chapter cherry chimney cinema circle cloud coffee copper corner cotton cushion " +
  "diamond dinner doctor dragon drawer driver engine envelope evening fabric farmer feather fiddle filter finger flower folder " +
  "forest fountain garden garlic ginger glacier guitar hammer harbour helmet hillside honey hotel island jacket jigsaw journey " +
  "juniper kettle keyboard kitchen ladder lantern lawyer leather lemon letter library magnet maple market meadow mirror monkey " +
  "mountain mushroom needle notebook nutmeg ocean office olive orchard oven oxygen packet painter parcel pavement pencil pepper " +
  "piano picture pillow pocket potato pottery pumpkin puzzle quarry quilt rabbit radio railway raincoat ribbon river rocket saddle " +
  "sailor salmon sandwich scarf season shadow shelter silver sister spoon square station sugar summer sweater table teacher " +
  "temple theatre thunder ticket timber tomato tower tractor tunnel turtle umbrella valley vessel village violin voyage wagon " +
  "walnut weather whistle willow window winter wizard wood yard yoghurt zebra zipper"
).split(" ");

export const ADJECTIVES = (
  "amber ancient bitter blue brave bright broken busy calm careful cheap clean clever cold crisp curious dark deep dry dusty early " +
  "easy empty exact faint fair fast fine fresh gentle giant glad golden green happy heavy hollow honest humble idle jolly keen kind " +
  "large late lazy level light little lively local long loud lucky mild modern narrow neat new noisy odd old open pale patient plain " +
  "polite proud quick quiet rapid rare ready red rough round rusty sharp short shy simple slow small smooth soft solid spare steep " +
  "strange strong sudden sunny sweet tall thick thin tidy tiny vivid warm weak wet white wide wild wise wooden yellow young zealous"
).split(" ");

export const VERBS = (
  "adds asks bakes bends bids boils brings builds buys calls carries catches checks cleans climbs closes cooks counts covers cuts " +
  "draws drives drops eats enjoys fetches fills finds fixes follows gives grows hangs helps hides hires holds joins jumps keeps " +
  "kicks knows leads learns lends lifts likes loads locks makes marks meets mends mixes moves names needs opens orders packs paints " +
  "passes picks plants plays pours pulls pushes quits raises reads rents rings rolls rows saves sees sells sends serves shakes " +
  "shares shows sings sorts stacks starts stops takes tests ties tries turns types visits waits walks wants washes waxes weighs wins"
).split(" ");

export const FIRST_NAMES = (
  "Ada Alma Anton Bea Boris Carla Cyril Dora Edgar Elif Emil Farah Felix Greta Hamid Hana Igor Ines Jakob Jelena Karim Kira Leo Lina " +
  "Magda Milo Nadia Nils Olga Omar Petra Quinn Rafael Rosa Selma Simon Tara Tomas Uma Viktor Wanda Xenia Yusuf Zoe"
).split(" ");

export const LAST_NAMES = (
  "Abbott Acker Bauer Becker Castro Clarke Dahl Dumont Ekberg Engel Fischer Fox Garcia Grant Hale Hoang Ito Iversen Janssen Joshi " +
  "Keller Kovac Larsen Lopez Mayer Moreau Nagy Novak Okafor Olsen Park Petrov Quist Rossi Rowe Santos Silva Tanaka Turner Ueda Unger " +
  "Varga Vogel Weber Wong Yilmaz Young Zeman Zhang"
).split(" ");

export const MONTHS =
  "January February March April May June July August September October November December".split(" ");

export const DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");

export const STREETS = "Street Road Lane Avenue Square Hill Way Drive Close Court".split(" ");

export const UNITS = "kg g mg l ml cm mm m km W kWh V Hz GB MB min h pcs".split(" ");

export const LABELS = (
  "Total Subtotal Tax Change Balance Amount Paid Due Order Invoice Room Gate Seat Platform Page Table Batch Model Serial Ref Item Qty " +
  "Price Date Time Weight Size Net Gross Code Version Tel Fax"
).split(" ");
