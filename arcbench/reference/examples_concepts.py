"""One call of every function of `concepts`: its name, the grid it is shown on, the arguments.

Columns are parted by two spaces. Colours stand without their `Color.`. A name that comes twice has
two examples.
"""

COLORS = """
color_histogram             noise
colors_by_count             noise
colors_in_order             ragged
fill_with_least_common      noise
fill_with_most_common       mosaic
invert_two_colors           two
keep_color                  noise     RED
keep_least_common           noise
keep_most_common            mosaic
least_common_color          noise
most_common_color           noise
recolor                     noise     BLUE, YELLOW
recolor_all                 noise     YELLOW
recolor_least_common        noise     YELLOW
recolor_most_common         noise     YELLOW
recolor_others              noise     BLUE, YELLOW
recolor_to_least_common     keyed
replace_color_by_other      swapped   GRAY
replace_least_by_most_common  noise
swap_colors                 noise     BLUE, RED
swap_most_and_least_common  noise
"""

COUNTING = """
color_block_of_object       objs
count_as_checkers           dots      BLUE
count_as_column             dots      BLUE
count_as_diagonal           dots      BLUE
count_as_row                dots      BLUE
count_as_row                dots      BLUE, length=6, result_color=GREEN
count_colors_as_row         noise     GREEN
crop_least_common           noise
crop_most_common            floating
crop_object_with_most       multi     RED
histogram_of_objects        many
largest_colors_as_row       twins4
most_frequent_object_color  many
overlay_neighborhoods       rosettes  GRAY
"""

DRAWING = """
bridge_objects              facing    GREEN
connect_at_corner           ends      BLUE, RED, GREEN
connect_diagonally          diagonals
draw_corner_ray             block     RED, "top_right"
draw_frames                 islands   YELLOW
draw_lines_through_centers  odd_box   RED
draw_ray                    sparse    RED, "right"
draw_ray                    sparse    GREEN, "star", BLUE
draw_rays                   sparse    "cross"
extend_tails                tail
frame_content               islands   YELLOW
mark_corners_around         block     BLUE, GREEN, YELLOW, PINK
mark_midpoint               corners   RED
outline_objects             islands   YELLOW
recolor_half_of_objects     blocks    "top", RED
remove_thin_parts           lumps
replace_by_neighbors        spots     GRAY
surround                    sparse    RED, BLUE
surround_all                sparse    YELLOW, "x"
surround_four               sparse    RED, BLUE, GREEN, YELLOW, PINK
"""

FILLING = """
color_corners_edges_inside  blocks    RED, BLUE, YELLOW
color_rings                 blocks    RED, YELLOW
fill_between_dots           corners   RED
fill_color_boxes            spread
fill_empty_squares          speckle   RED
fill_hole_shapes            frames    "square", RED
fill_holes                  frames    RED
fill_holes_and_leak         open      RED
fill_holes_by_parity        frames    RED, BLUE
fill_holes_by_side          frames    RED, BLUE, YELLOW
fill_holes_with_own_mark    marked_frames
fill_inside                 blocks    RED
fill_inside_by_rank         blocks    RED, BLUE
fill_outside                frames    BLUE
hollow_objects              blocks
keep_holes                  frames    RED
recolor_large_regions       walls     BLACK, 5, BLUE
recolor_regions             walls     BLACK, "largest", BLUE
recolor_regions_and_others  walls     BLACK, "largest", BLUE, RED
recolor_regions_by_rank     walls     BLACK, BLUE, RED, YELLOW
"""

GEOMETRY = """
add_border                  small     RED
bottom_half                 figure
concat_horizontal           small     flip_horizontal(grid)
concat_vertical             small     flip_vertical(grid)
crop_corner                 noise     "bottom_right"
crop_to_color               islands   GREEN
crop_to_content             islands
double_edges                small
downscale                   coarse
flip_antidiagonal           figure
flip_horizontal             figure
flip_vertical               figure
fractal                     small
fractal_inverse             small
fractal_of_color            small     RED
fractal_of_least_common     small
fractal_of_most_common      small
half                        wide
keep_middle_line            small
left_half                   wide
mirror                      small
mirror_at_edge              small
mirror_four                 small
mirror_four_centered        small
overlay_corners             four_corners
remove_border               noise
repeat                      small
right_half                  wide
roll                        figure
rotate_180                  figure
rotate_clockwise            figure
rotate_counterclockwise     figure
rotate_four                 small
rotations_in_square         small
scale_to_cell_blocks        coarse
shift                       figure    "right"
stretch                     small
third                       wide
tile_checkered_flip         small     2, 2
tile_flipped_rows           small
top_half                    figure
transpose                   figure
upscale                     small
upscale_by_cell_count       tiny
upscale_by_color_count      small
"""

LAYOUT = """
crop_between_corners        framed_content
crop_frame                  frame_scene
crop_frame_inside           frame_scene
crop_object_touching        touched   BLUE
object_color_list           objs
objects_in_a_line           islands
overlay_objects             rings_apart
"""
